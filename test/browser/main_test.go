package browser

import (
	"flag"
	"os"
	"testing"

	"github.com/theriac-edge/theriac/test/need"
)

// TestMain has the machine to itself: the tests measure how long a visitor waits. Customers
// in parallel tests wait more than they work, so there is room for several on a processor.
func TestMain(m *testing.M) {
	need.Alone()
	flag.Parse()
	if err := flag.Set("test.parallel", "6"); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}
