package lease_test

import (
	"fmt"

	"github.com/theriac-edge/theriac/counters/lease"
)

// What one edge of the tier is to do. Without a tier this process is it.
func Example() {
	leases := lease.New(nil)
	defer leases.Close()
	watch := leases.Lead("watch")
	defer watch.Close()
	switch s := watch.State(); s.Role {
	case lease.Leading:
		fmt.Println("this edge opens incidents, and keeps them with its token:", s.Token > 0)
	case lease.Following:
		fmt.Println("the edge does that whose name is", s.Leader)
	case lease.Alone:
		fmt.Println("the store is lost: this edge decides for itself")
	}
	// Output: this edge opens incidents, and keeps them with its token: true
}
