//go:build linux

package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/theriac-edge/theriac/scrub"
	"github.com/theriac-edge/theriac/scrubd/daemon"
)

// A running is a scrubd on the host.
type running struct {
	*exec.Cmd
	ended chan error
	log   *bytes.Buffer // complete once it has ended
}

// begin starts a scrubd, behind a command such as setpriv.
func (h *host) begin(before ...string) *running {
	h.t.Helper()
	return h.launch(append(before, h.bin, "run", "--config", h.config)...)
}

// launch starts a program on the host.
func (h *host) launch(args ...string) *running {
	h.t.Helper()
	r := &running{Cmd: exec.Command(args[0], args[1:]...), ended: make(chan error, 1), log: new(bytes.Buffer)}
	r.Stdout, r.Stderr = r.log, r.log
	h.within(h.ns, r.Start)
	go func() { r.ended <- r.Wait() }()
	h.t.Cleanup(func() { r.Process.Kill() })
	return r
}

// start starts a scrubd and waits until it answers.
func (h *host) start(before ...string) *running {
	h.t.Helper()
	r := h.begin(before...)
	for range 500 {
		select {
		case err := <-r.ended:
			h.t.Fatalf("scrubd has ended: %v\n%s", err, r.log)
		case <-time.After(10 * time.Millisecond):
		}
		if exec.Command(h.bin, "status", "--socket", h.sockPath).Run() == nil {
			return r
		}
	}
	h.t.Fatal("scrubd does not answer")
	return nil
}

// fails starts a scrubd that must not come up, and returns what it prints.
func (h *host) fails() string {
	h.t.Helper()
	r := h.begin()
	select {
	case err := <-r.ended:
		if err == nil {
			h.t.Error("scrubd ended well")
		}
	case <-time.After(20 * time.Second):
		h.t.Fatal("scrubd does not refuse to start")
	}
	return r.log.String()
}

// end ends a scrubd with a signal, and waits until it is gone.
func (h *host) end(r *running, s syscall.Signal) {
	h.t.Helper()
	if err := r.Process.Signal(s); err != nil {
		h.t.Fatal(err)
	}
	select {
	case <-r.ended:
	case <-time.After(10 * time.Second):
		h.t.Fatalf("scrubd does not end")
	}
}

// ask runs a command of an operator.
func (h *host) ask(args ...string) string {
	h.t.Helper()
	return h.run(h.bin, append(args, "--socket", h.sockPath)...)
}

// status is what `scrubd status` returns.
func (h *host) status() (s daemon.Status) {
	h.t.Helper()
	if err := json.Unmarshal([]byte(h.ask("status", "--json")), &s); err != nil {
		h.t.Fatal(err)
	}
	return s
}

// scrape reads the metrics at an address of the host. The text is empty if nothing listens there.
func (h *host) scrape(addr string) (text string) {
	h.t.Helper()
	h.within(h.ns, func() error {
		conn, err := net.DialTimeout("tcp", addr, time.Second)
		if err != nil {
			return nil // not yet
		}
		defer conn.Close()
		if _, err := io.WriteString(conn, "GET /metrics HTTP/1.0\r\n\r\n"); err != nil {
			return err
		}
		raw, err := io.ReadAll(conn)
		text = string(raw)
		return err
	})
	return text
}

// packetsFor is how many packets of policy shops left for a reason.
func packetsFor(s daemon.Status, reason string) int64 {
	for _, r := range s.Rates {
		if r.Policy == "shops" && r.Reason.String() == reason {
			return int64(r.Packets)
		}
	}
	return 0
}

// attached reports whether an XDP program is attached to an interface.
func (h *host) attached(iface string) bool {
	h.t.Helper()
	return strings.Contains(h.run(h.ip, "-n", h.ns, "link", "show", iface), "prog/xdp")
}

// occupy attaches another program.
func (h *host) occupy(iface string) {
	h.t.Helper()
	var other *scrub.Scrubber
	h.within(h.ns, func() (err error) {
		if other, err = scrub.Load(filepath.Join(filepath.Dir(h.pins), "other")); err == nil {
			_, err = other.Attach(iface)
		}
		return err
	})
	h.t.Cleanup(func() {
		if err := other.Close(); err != nil {
			h.t.Error(err)
		}
	})
}
