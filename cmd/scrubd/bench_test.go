//go:build linux

package main

import (
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	wire "github.com/theriac-edge/theriac/scrubd/client"

	"golang.org/x/sys/unix"

	"github.com/theriac-edge/theriac/scrub"
	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/test/need"
)

// fullDesk is a desk over the kernel on which an edge has as many claims as all
// may have.
func fullDesk(b *testing.B) (*desk, time.Time) {
	b.Helper()
	need.BPF(b)
	bpf := filepath.Join(b.TempDir(), "bpf")
	if err := errors.Join(os.Mkdir(bpf, 0o700), unix.Mount("bpf", bpf, "bpf", 0, "")); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := unix.Unmount(bpf, 0); err != nil {
			b.Error(err)
		}
	})
	plane, err := scrub.Load(filepath.Join(bpf, "theriac"))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := plane.Close(); err != nil {
			b.Error(err)
		}
	})
	now := time.Now()
	c := caps{PerShop: shop.Rate{Events: 1_000_000, Per: time.Second}, MaxEntries: 65536, MaxTTL: time.Hour}
	d, err := openDesk(plane, "boot", c, spared{}, ledger{}, now)
	if err != nil {
		b.Fatal(err)
	}
	for i := range c.MaxEntries / wire.MaxVerdicts {
		if j, err := d.judge(fra, batch(i, now), now); err != nil || len(j.Refused) > 0 {
			b.Fatalf("refused %v, %v", j.Refused, err)
		}
	}
	return d, now
}

// batch is the nth batch of an edge: sources all over the internet.
func batch(n int, now time.Time) (all []wire.Verdict) {
	for i := range wire.MaxVerdicts {
		k := uint32(n*wire.MaxVerdicts+i) * 2654435761
		addr := netip.AddrFrom4([4]byte{byte(k>>24)%200 + 11, byte(k >> 16), byte(k >> 8), byte(k)})
		all = append(all, wire.Verdict{Prefix: netip.PrefixFrom(addr, 32), Until: now.Add(time.Minute), Shop: "loewen"})
	}
	return all
}

// BenchmarkPoll is an edge that asks what 65,536 verdicts have dropped, as it
// does each second.
func BenchmarkPoll(b *testing.B) {
	d, now := fullDesk(b)
	for b.Loop() {
		if _, err := d.judge(fra, nil, now); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkRenew is a full batch of an edge that renews what holds.
func BenchmarkRenew(b *testing.B) {
	d, now := fullDesk(b)
	n := 0
	for b.Loop() {
		n++
		now = now.Add(time.Millisecond)
		if _, err := d.judge(fra, batch(n%64, now), now); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkExpire looks once a second whether something has come to its end.
func BenchmarkExpire(b *testing.B) {
	d, now := fullDesk(b)
	for b.Loop() {
		if err := d.expire(now); err != nil {
			b.Fatal(err)
		}
	}
}
