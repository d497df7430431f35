//go:build linux

package scrub

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/test/need"
)

// loaded is a dataplane with this policy, attached to nothing.
func loaded(t testing.TB, policy string) *Scrubber {
	t.Helper()
	s, err := Load(need.BPFFS(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	c, err := Parse([]byte(policy))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Apply(c); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestListsSurviveTheirProcess(t *testing.T) {
	dir := need.BPFFS(t)
	first, err := Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	prefix := netip.MustParsePrefix("192.0.2.0/24")
	if err := first.Deny(Entry{Prefix: prefix, Until: time.Now().Add(time.Hour), Cause: 3, Owner: 7}); err != nil {
		t.Fatal(err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	second, err := Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	denied, err := second.Denied()
	if err != nil {
		t.Fatal(err)
	}
	if len(denied) != 1 || denied[0].Prefix != prefix || denied[0].Cause != 3 || denied[0].Owner != 7 ||
		time.Until(denied[0].Until).Round(time.Minute) != time.Hour {
		t.Errorf("denied are %v, want %s for an hour", denied, prefix)
	}
}

// datagram is a UDP packet without a payload.
func datagram(from, to netip.Addr) []byte {
	packet := make([]byte, 60)
	copy(packet[12:], []byte{0x08, 0, 0x45, 0, 0, 28, 0, 0, 0, 0, 64, 17})
	copy(packet[26:], from.AsSlice())
	copy(packet[30:], to.AsSlice())
	copy(packet[34:], []byte{0x10, 0, 0x10, 0, 0, 8})
	return packet
}

// counted is how many packets left for a reason.
func counted(t testing.TB, s *Scrubber, reason string) (n uint64) {
	t.Helper()
	tallies, err := s.Tallies()
	if err != nil {
		t.Fatal(err)
	}
	for _, tally := range tallies {
		if tally.Reason.String() == reason {
			n += tally.Packets
		}
	}
	return n
}

// TestNetHoldsWhenItsMemberHasEnded: the kernel ends an entry by itself, and that
// uncovers the entry of the net around it.
func TestNetHoldsWhenItsMemberHasEnded(t *testing.T) {
	s := loaded(t, "policies:\n  - {name: shop, protect: [203.0.113.10], udp: [4096]}")
	member := netip.MustParseAddr("192.0.2.7")
	run := func() {
		t.Helper()
		if _, _, err := s.objects.Scrub.Test(datagram(member, netip.MustParseAddr("203.0.113.10"))); err != nil {
			t.Fatal(err)
		}
	}
	soon := time.Now().Add(50 * time.Millisecond)
	if err := s.Deny(Entry{Prefix: netip.PrefixFrom(member, 32), Until: soon}); err != nil {
		t.Fatal(err)
	}
	run()
	time.Sleep(time.Until(soon) + 20*time.Millisecond)
	run()
	if denied, clean := counted(t, s, "denied"), counted(t, s, "clean"); denied != 1 || clean != 1 {
		t.Errorf("%d packets were denied and %d passed, want one before the end and one after it", denied, clean)
	}
	if err := s.Deny(Entry{Prefix: netip.MustParsePrefix("192.0.2.0/24")}); err != nil {
		t.Fatal(err)
	}
	run()
	if n := counted(t, s, "denied"); n != 2 {
		t.Errorf("%d packets were denied; the ended entry hides the net's", n)
	}
}

// TestHostsFindRoom: as many addresses as a policy may protect find a seed, and
// each is protected afterwards, while its neighbour is not.
func TestHostsFindRoom(t *testing.T) {
	hosts := make(map[netip.Addr]uint32)
	for addr := netip.MustParseAddr("203.0.0.0"); len(hosts) < maxHosts/2; addr = addr.Next() {
		hosts[addr] = 1
	}
	for addr := netip.MustParseAddr("2001:db8::"); len(hosts) < maxHosts; addr = addr.Next() {
		hosts[addr] = 1
	}
	if _, err := findSeed(hosts); err != nil {
		t.Error(err)
	}
	var policy strings.Builder
	policy.WriteString("policies:\n  - name: shop\n    protect: [")
	for addr := range hosts {
		policy.WriteString(addr.String() + ", ")
	}
	if _, err := Parse([]byte(policy.String() + "]\n")); err != nil {
		t.Error(err)
	}
	if _, err := Parse([]byte(policy.String() + "192.0.2.1]\n")); err == nil {
		t.Error("one address too many is taken")
	}
}
