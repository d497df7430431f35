//go:build linux

package lab

import (
	"bytes"
	"encoding/hex"
	"net/netip"
	"slices"
	"strings"
	"testing"
)

func TestBuild(t *testing.T) {
	here, there := netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("10.0.0.2")
	here6, there6 := netip.MustParseAddr("fd00::1"), netip.MustParseAddr("fd00::2")
	for name, c := range map[string]struct {
		packet Packet
		want   string
	}{
		"a SYN": {
			Build(Ethernet{}, IPv4{Src: here, Dst: there}, TCP{From: 4000, To: 80, Flags: SYN}),
			`000000000000 000000000000 0800
			 45000028 00000000 4006 66ce 0a000001 0a000002
			 0fa0 0050 00000000 00000000 5002 faf0 90ff 0000`,
		},
		"a tagged datagram without a checksum": {
			Build(Ethernet{Dst: [6]byte{2}, Src: [6]byte{4}}, VLAN{ID: 7}, IPv4{Src: here, Dst: there, TTL: 9}, UDP{From: 1, To: 2, NoSum: true}, Payload("abc")),
			`020000000000 040000000000 8100 0007 0800
			 4500001f 00000000 0911 9dcc 0a000001 0a000002
			 0001 0002 000b 0000 616263`,
		},
		"an odd datagram": {
			Build(IPv4{Src: here, Dst: there}, UDP{From: 1, To: 2}, Payload("abc")),
			`4500001f 00000000 4011 66cc 0a000001 0a000002
			 0001 0002 000b 2770 616263`,
		},
		"a ping over IPv6, behind options": {
			Build(IPv6{Src: here6, Dst: there6}, Extension{Kind: protoHopByHop}, ICMP{Type: 128, Value: 1}),
			`60000000 0010 00 40 fd000000000000000000000000000001 fd000000000000000000000000000002
			 3a00 010400000000 800085b7 00000001`,
		},
		"GRE": {
			Build(IPv4{Src: here, Dst: there}, GRE{}, IPv6{Src: here6, Dst: there6, Hops: 3}),
			`45000040 00000000 402f 668d 0a000001 0a000002 0000 86dd
			 60000000 0000 3b 03 fd000000000000000000000000000001 fd000000000000000000000000000002`,
		},
		"a fault comes before the checksum, and a bad checksum after": {
			Build(IPv4{Src: here, Dst: there, Fault: Put8(8, 0)}, UDP{From: 1, To: 2, BadSum: true}),
			`4500001c 00000000 0011 a6cf 0a000001 0a000002
			 0001 0002 0008 ebd7`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			want, err := hex.DecodeString(strings.Join(strings.Fields(c.want), ""))
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(c.packet.Bytes, want) {
				t.Errorf("got  %x\nwant %x", c.packet.Bytes, want)
			}
		})
	}
}

// What varies from packet to packet must not touch anything else, and the templates of
// every vector must fit into their map.
func TestTemplatesCompile(t *testing.T) {
	for _, v := range slices.Concat(Vectors(), RoutedVectors()) {
		if len(v.Templates) > 64 {
			t.Errorf("%s has %d templates", v.Name, len(v.Templates))
		}
		for i, s := range v.Templates {
			template, err := s.compile()
			if err != nil {
				t.Errorf("%s, template %d: %v", v.Name, i, err)
			}
			if template.Changed == 0 && !v.Bots && v.Name != "malformed" {
				t.Errorf("%s, template %d: always the same", v.Name, i)
			}
		}
	}
	for name, s := range map[string]Template{
		"a net of another family":  {Packet: Build(Ethernet{}, IPv4{Src: Shop4, Dst: Shop4}), From: SpoofedNet6},
		"ports that are not there": {Packet: Build(Ethernet{}, IPv4{Src: Shop4, Dst: Shop4}, UDP{}).Cut(30), FromPort: true},
		"a jumbo frame":            {Packet: Build(Ethernet{}, IPv4{Src: Shop4, Dst: Shop4}, make(Payload, 9000))},
	} {
		if _, err := s.compile(); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
}
