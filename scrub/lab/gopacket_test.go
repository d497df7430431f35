//go:build linux

package lab

import (
	"fmt"
	"slices"
	"testing"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
)

// wrongIn decodes a frame with gopacket, which shares no code with this package,
// and returns what it finds wrong: headers, lengths and checksums.
func wrongIn(frame []byte) (wrong string) {
	p := gopacket.NewPacket(frame, layers.LayerTypeEthernet, gopacket.Default)
	if damaged := p.ErrorLayer(); damaged != nil {
		return damaged.Error().Error()
	}
	var network gopacket.NetworkLayer
	for _, layer := range p.Layers() {
		if n, ok := layer.(gopacket.NetworkLayer); ok {
			network = n
		}
		if t, ok := layer.(interface {
			SetNetworkLayerForChecksum(gopacket.NetworkLayer) error
		}); ok {
			if err := t.SetNetworkLayerForChecksum(network); err != nil {
				return err.Error()
			}
		}
	}
	err, mismatches := p.VerifyChecksums()
	switch {
	case err != nil:
		return err.Error()
	case len(mismatches) > 0:
		return fmt.Sprintf("the checksum of layer %d is wrong", mismatches[0].LayerIndex)
	}
	return ""
}

// TestGopacketAgrees: nothing is wrong with the packets of any attack, except those
// that are malformed or whose protocol has no content here.
func TestGopacketAgrees(t *testing.T) {
	for _, v := range slices.Concat(Vectors(), RoutedVectors()) {
		if v.Name == "malformed" || v.Name == "other protocols" {
			continue
		}
		for i, template := range v.Templates {
			if template.Bytes[14] == 0x47 && template.Bytes[34] == 131 {
				continue // a source route: checksums cover its last hop, which is not built
			}
			if wrong := wrongIn(template.Bytes); wrong != "" {
				t.Errorf("%s, template %d: %s", v.Name, i, wrong)
			}
		}
	}
	spoilt := func(layers ...Layer) []byte {
		return Build(append([]Layer{Ethernet{}, IPv4{Src: SpoofedNet4.Addr(), Dst: Shop4}}, layers...)...).Bytes
	}
	for name, frame := range map[string][]byte{
		"a bad checksum of TCP":  spoilt(TCP{From: 1, To: 80, Flags: SYN, BadSum: true}),
		"a TCP header cut short": spoilt(TCP{From: 1, To: 80, Flags: SYN, Fault: Put8(12, 0x40)}),
	} {
		if wrong := wrongIn(frame); wrong == "" {
			t.Errorf("%s is not noticed", name)
		}
	}
}
