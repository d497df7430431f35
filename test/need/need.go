// Package need says what a test needs of the machine (root, time, Redis,
// Chromium, Node, curl, loopback addresses, network namespaces, BPF, setpriv,
// systemd-nspawn, BIRD, Alertmanager, a mail server) and provides it. What is missing skips the test with a reason that says what to do; where
// THERIAC_REQUIRE holds the need's word, or "all" as in CI, it fails the test
// instead. No other package may skip a test.
package need

import (
	"net"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// Root ends a test that does not run as root.
func Root(t testing.TB) {
	t.Helper()
	if os.Geteuid() != 0 {
		missing(t, "root", "this test runs as root only: sudo -E env PATH=$PATH go test …")
	}
}

// Time ends a test that takes its time, where `go test -short` asks for haste.
func Time(t testing.TB) {
	t.Helper()
	if testing.Short() {
		missing(t, "time", "this test takes its time: run go test without -short")
	}
}

// Loopback ends a test that wants all of 127.0.0.0/8 as addresses of its own,
// one a client: only Linux has them without being told.
func Loopback(t testing.TB) {
	t.Helper()
	l, err := net.Listen("tcp", "127.254.0.1:0")
	if err != nil {
		missing(t, "loopback", "only 127.0.0.1 of 127.0.0.0/8 is ours here: %v", err)
	}
	if err := l.Close(); err != nil {
		t.Fatalf("closing the probe of the loopback addresses: %v", err)
	}
}

// Chromium returns the path of a browser that speaks the DevTools protocol. With
// one a test takes its time.
func Chromium(t testing.TB) string {
	t.Helper()
	path := program(t, "chromium", "chromium", "chromium", "chromium-browser", "google-chrome")
	Time(t)
	return path
}

// Node returns the path of Node.js.
func Node(t testing.TB) string {
	t.Helper()
	return program(t, "node", "nodejs", "node", "nodejs")
}

// Curl returns the path of curl, with which the documentation shows requests.
func Curl(t testing.TB) string {
	t.Helper()
	return program(t, "curl", "curl", "curl")
}

// Setpriv returns the path of setpriv, which starts programs with the
// privileges that a service manager would give them.
func Setpriv(t testing.TB) string {
	t.Helper()
	return program(t, "setpriv", "util-linux", "setpriv")
}

// NetNS returns the path of iproute2's ip, on a machine where this process may
// make network namespaces with it.
func NetNS(t testing.TB) string {
	t.Helper()
	Root(t)
	ip := program(t, "netns", "iproute2", "ip")
	cmd := exec.Command(ip, "link", "set", "lo", "up")
	if !inOwnNetNS(cmd) {
		missing(t, "netns", "network namespaces exist on Linux only")
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		missing(t, "netns", "making a network namespace needs CAP_SYS_ADMIN: %v: %s", err, out)
	}
	return ip
}

// BPF ends a test that may not load programs into the kernel.
func BPF(t testing.TB) {
	t.Helper()
	Root(t)
	if err := mayLoad(); err != nil {
		missing(t, "bpf", "loading XDP programs needs Linux, CAP_BPF and CAP_NET_ADMIN: %v", err)
	}
}

// program returns the path of the first of names that is installed.
func program(t testing.TB, word, debian string, names ...string) string {
	t.Helper()
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	missing(t, word, "no %s in $PATH: apt-get install %s", names[0], debian)
	return ""
}

// missing ends the test: skipped, or failed where the need is required.
func missing(t testing.TB, word, format string, args ...any) {
	t.Helper()
	if required(os.Getenv("THERIAC_REQUIRE"), word) {
		t.Fatalf("THERIAC_REQUIRE demands "+word+": "+format, args...)
	}
	t.Skipf("needs "+word+": "+format, args...)
}

// required reports whether setting, words between commas or spaces, names word.
func required(setting, word string) bool {
	words := strings.FieldsFunc(setting, func(r rune) bool { return r == ',' || r == ' ' })
	return slices.Contains(words, "all") || slices.Contains(words, word)
}

// Bird returns the path of BIRD 2, a BGP speaker that routers run.
func Bird(t testing.TB) string {
	t.Helper()
	return program(t, "bird", "bird2", "bird", "/usr/sbin/bird")
}

// PHP returns the path of PHP's command line, which has a web server.
func PHP(t testing.TB) string {
	t.Helper()
	return program(t, "php", "php-cli", "php")
}

// Python returns the path of Python 3.
func Python(t testing.TB) string {
	t.Helper()
	return program(t, "python", "python3", "/usr/bin/python3", "python3")
}

// Werkzeug returns the path of a Python that has Werkzeug, the parser of forms that Flask uses.
func Werkzeug(t testing.TB) string {
	t.Helper()
	python := Python(t)
	if err := exec.Command(python, "-c", "import werkzeug").Run(); err != nil {
		missing(t, "werkzeug", "no Werkzeug: apt-get install python3-werkzeug")
	}
	return python
}
