//go:build linux

package scrub

import (
	"context"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/test/need"
)

func TestFeatures(t *testing.T) {
	need.BPF(t)
	for _, f := range Features() {
		if f.Missing != nil || f.Is == "" || f.Try == "" {
			t.Errorf("%s: %v, although the program can be loaded here", f.What, f.Missing)
		}
	}
}

// TestSamplesEnd waits for samples where nothing happens.
func TestSamplesEnd(t *testing.T) {
	s, err := Load(need.BPFFS(t))
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
