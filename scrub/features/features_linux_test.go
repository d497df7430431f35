package features

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"

	"github.com/theriac-edge/theriac/test/need"
)

// scrubber reads the scrubber's program as it is shipped.
func scrubber() (*ebpf.CollectionSpec, error) { return ebpf.LoadCollectionSpec("../kernel_bpfel.o") }

func TestNeeded(t *testing.T) {
	need.BPF(t)
	for _, f := range Needed(scrubber) {
		if f.Missing != nil || f.Is == "" || f.Try == "" {
			t.Errorf("%s: %v, although the program can be loaded here", f.What, f.Missing)
		}
	}
	damaged := errors.New("damaged")
	all := Needed(func() (*ebpf.CollectionSpec, error) { return nil, damaged })
	if last := all[len(all)-1]; last.What != "program" || !errors.Is(last.Missing, damaged) {
		t.Errorf("of a program that cannot be read: %+v", last)
	}
}

func TestNeeds(t *testing.T) {
	spec, err := scrubber()
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
