//go:build linux

package hostcheck_test

import (
	"fmt"

	"github.com/theriac-edge/theriac/hint"
	"github.com/theriac-edge/theriac/scrub"
	"github.com/theriac-edge/theriac/scrubd/hostcheck"
)

// A sysctl that is wrong comes with the command that sets it.
func ExampleWrongSysctl() {
	err := hostcheck.WrongSysctl([]hostcheck.Sysctl{{
		Setting: scrub.Setting{Name: "net/ipv4/tcp_syncookies", Want: "2", Why: "the host must accept cookies that it did not send"},
		Is:      "1",
	}})
	fmt.Println(err)
	fmt.Println("  try:", hint.Of(err))
	// Output:
	// sysctl net.ipv4.tcp_syncookies is 1, not 2: the host must accept cookies that it did not send
	//   try: sysctl -w net.ipv4.tcp_syncookies=2, and the same in a file of /etc/sysctl.d
}
