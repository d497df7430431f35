package denylist

import (
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/theriac-edge/theriac/scrub"
	"github.com/theriac-edge/theriac/scrubd/client"
	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/test/need"
)

// fullList is a list over the kernel on which one edge has as many bans as all
// edges may have.
func fullList(b *testing.B) (*List, time.Time) {
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
	c := Limits{PerShop: shop.Rate{Events: 1_000_000, Per: time.Second}, MaxEntries: 65536, MaxTTL: time.Hour}
	d, err := Open(plane, "instance-1", c, NeverDeny{}, StateFile{}, now)
	if err != nil {
		b.Fatal(err)
	}
	for i := range c.MaxEntries / client.MaxBatch {
		if j, err := d.ApplyBans(fra, batch(i, now), now); err != nil || len(j.Refused) > 0 {
			b.Fatalf("refused %v, %v", j.Refused, err)
		}
	}
	return d, now
}

// batch is the nth batch of an edge: sources all over the internet.
func batch(n int, now time.Time) (all []client.PushedBan) {
	for i := range client.MaxBatch {
		k := uint32(n*client.MaxBatch+i) * 2654435761
		addr := netip.AddrFrom4([4]byte{byte(k>>24)%200 + 11, byte(k >> 16), byte(k >> 8), byte(k)})
		all = append(all, client.PushedBan{Prefix: netip.PrefixFrom(addr, 32), Until: now.Add(time.Minute), Shop: "loewen"})
	}
	return all
}

// BenchmarkPoll is an edge that asks what 65,536 bans have dropped, as it
// does every second.
func BenchmarkPoll(b *testing.B) {
	d, now := fullList(b)
	for b.Loop() {
		if _, err := d.ApplyBans(fra, nil, now); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkRenew is a full batch of an edge that renews its bans.
func BenchmarkRenew(b *testing.B) {
	d, now := fullList(b)
	n := 0
	for b.Loop() {
		n++
		now = now.Add(time.Millisecond)
		if _, err := d.ApplyBans(fra, batch(n%64, now), now); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkExpire looks once per second for what has ended.
func BenchmarkExpire(b *testing.B) {
	d, now := fullList(b)
	for b.Loop() {
		if err := d.Expire(now); err != nil {
			b.Fatal(err)
		}
	}
}
