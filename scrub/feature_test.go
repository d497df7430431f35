//go:build linux

package scrub

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"

	"github.com/theriac-edge/theriac/test/need"
)

func TestFeatures(t *testing.T) {
	need.BPF(t)
	for _, f := range slices.Concat(Features(), AgentFeatures()) {
		if f.Missing != nil || f.Is == "" || f.Try == "" {
			t.Errorf("%s: %v, although the program can be loaded here", f.What, f.Missing)
		}
	}
	spec, err := loadKernel()
	if err != nil {
		t.Fatal(err)
	}
	kinds, helpers := needs(spec)
	if len(kinds) < 4 || !slices.Contains(helpers, helper{ebpf.XDP, asm.FnTcpRawGenSyncookieIpv4}) ||
		slices.Contains(helpers, helper{ebpf.XDP, asm.FnMapDeleteElem}) {
		t.Errorf("the program needs %v and %v", kinds, helpers)
	}
}

func TestNative(t *testing.T) {
	need.Root(t)
	if native, err := Native("lo"); err != nil || native {
		t.Errorf("the loopback interface runs programs itself: %v, %v", native, err)
	}
	if _, err := Native("no-such-one"); err == nil || !strings.Contains(err.Error(), "finding the interface no-such-one") {
		t.Errorf("an interface that is not there: %v", err)
	}
}

// TestSamplesEnd waits for samples where nothing happens.
func TestSamplesEnd(t *testing.T) {
	s, err := Load(pins(t))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	ctx, end := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Samples(ctx, func(Sample) {}) }()
	select {
	case err := <-ended:
		t.Fatalf("samples end by themselves: %v", err)
	case <-time.After(100 * time.Millisecond):
	}
	end()
	select {
	case err := <-ended:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(5 * time.Second):
		t.Error("samples go on after the end")
	}
}

func TestAnswersThatAreCutShort(t *testing.T) {
	whole := []byte{
		28, 0, 0, 0, 16, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, // header of the message
		1, 2, 0, 0, // of generic netlink
		6, 0, 1, 0, 7, 0, 0, 0, // an attribute of two bytes, and padding
		8, 0, 3, 0, 1, 2, 3, 4, // another one
	}
	if got, err := attributeOf(whole, 3); err != nil || !slices.Equal(got, []byte{1, 2, 3, 4}) {
		t.Errorf("the whole answer: %v, %v", got, err)
	}
	for n := range whole {
		if got, err := attributeOf(whole[:n], 3); err == nil {
			t.Errorf("%d bytes of it: %v", n, got)
		}
	}
}
