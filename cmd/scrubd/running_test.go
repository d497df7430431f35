//go:build linux

package main

import (
	"bytes"
	"encoding/json"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/theriac-edge/theriac/scrub"
)

// A running is a scrubd of the host.
type running struct {
	*exec.Cmd
	ended chan error
	log   *bytes.Buffer // complete once it has ended
}

// begin starts a scrubd, behind words such as those of setpriv.
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

// start starts a scrubd that is to come up.
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

// fails starts a scrubd that is to refuse, and returns what it says.
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

// ask runs a command of people.
func (h *host) ask(args ...string) string {
	h.t.Helper()
	return h.run(h.bin, append(args, "--socket", h.sockPath)...)
}

// status is what scrubd says of itself.
func (h *host) status() (r report) {
	h.t.Helper()
	if err := json.Unmarshal([]byte(h.ask("status", "--json")), &r); err != nil {
		h.t.Fatal(err)
	}
	return r
}

// packets is how many packets left for a reason.
func (r report) packets(reason string) int64 {
	for _, f := range r.Flows {
		if f.Policy == "shops" && f.Reason.String() == reason {
			return int64(f.Packets)
		}
	}
	return 0
}

// attached reports whether an XDP program looks at an interface.
func (h *host) attached(iface string) bool {
	h.t.Helper()
	return strings.Contains(h.run(h.ip, "-n", h.ns, "link", "show", iface), "prog/xdp")
}

// occupy attaches a program of somebody else.
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
