package files_test

import (
	"context"
	"fmt"

	"github.com/theriac-edge/theriac/counters/files"
	"github.com/theriac-edge/theriac/counters/tier"
)

// A file that its lock protects. There is no store here, so all of it fails at once.
func Example() {
	connection, err := tier.New(tier.Options{Addresses: []string{"127.0.0.1:6379"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer connection.Close()
	f, ctx := files.New(connection), context.Background()
	if err := f.Lock(ctx, "issue_cert_loewen.example"); err != nil {
		fmt.Println(err)
	}
	fmt.Println(f.Put(ctx, files.File{Path: "certificates/loewen.example.crt"}, "issue_cert_loewen.example"))
	// Output:
	// files: taking the lock "issue_cert_loewen.example": the store is lost: try again when it is shared
	// files: writing "certificates/loewen.example.crt": the store is lost: try again when it is shared
}
