//go:build linux

package main

import (
	"net/netip"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestWindowLastsWithoutScrubd opens a window as an operator does, without
// privileges, and kills scrubd: the kernel keeps the window, and the next start
// knows of it.
func TestWindowLastsWithoutScrubd(t *testing.T) {
	h := newHost(t)
	h.write("interfaces: [s0]\nhand_on: {self: 10.9.8.1, ring: [10.9.8.1, 10.9.8.2, 10.9.8.3], mode: on}", "  user: nobody\n")
	r := h.start()
	if out := h.ask("status"); !strings.Contains(out, "handon    to 10.9.8.2: no window is open\n") || !strings.Contains(out, "tunnel    10.9.8.1 to 10.9.8.3: ") {
		t.Errorf("status says\n%s", out)
	}
	if out := h.ask("handon", "open", "--for", "3m", "--without", "10.9.8.2", "--why", "fra-2 is dead"); !strings.HasPrefix(out, "open until ") || !strings.HasSuffix(out, ", to 10.9.8.3\n") {
		t.Errorf("open says %s", out)
	}
	h.end(r, syscall.SIGKILL)
	h.start()
	s := h.status().HandOn
	if s == nil || s.Next != netip.MustParseAddr("10.9.8.3") || time.Until(s.Until) < time.Minute || time.Until(s.Until) > 3*time.Minute+time.Second {
		t.Errorf("after another start the status has %+v", s)
	}
	if out := h.ask("handon", "close"); out != "closed\n" {
		t.Errorf("close says %s", out)
	}
	if s := h.status(); s.HandOn == nil || !s.HandOn.Until.IsZero() || len(s.Acts) != 1 || s.Acts[0].Act != "handon close" {
		t.Errorf("closed is %+v, with the acts %+v", s.HandOn, s.Acts)
	}
}
