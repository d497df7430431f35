package lab

import (
	"encoding/binary"
	"fmt"
	"net/netip"
)

// A Template is a packet that is sent many times, and what varies from one to the next.
type Template struct {
	Packet

	// (optional) Random addresses within.
	From, To netip.Prefix

	// (optional) Random ports.
	FromPort, ToPort bool

	// (optional) Random sequence and acknowledgement numbers.
	Numbers bool
}

// compile makes the template of the generator.
func (s Template) compile() (programsTemplate, error) {
	template := programsTemplate{Length: uint16(len(s.Bytes)), IpSum: uint16(s.ipSum), L4Sum: uint16(s.l4Sum)}
	if len(s.Bytes) > len(template.Bytes) || len(s.Bytes) < 14 {
		return template, fmt.Errorf("a packet of %d bytes is outside of 14..%d", len(s.Bytes), len(template.Bytes))
	}
	copy(template.Bytes[:], s.Bytes)
	address := 4
	from, to := s.ip+12, s.ip+16
	if s.v6 {
		address, from, to = 16, s.ip+8, s.ip+24
	}
	var failed error
	change := func(at int, mask []byte, inIP, inL4 bool) {
		bits := binary.LittleEndian.Uint32(mask)
		switch {
		case bits == 0 || failed != nil:
			return
		case at+4 > len(s.Bytes):
			failed = fmt.Errorf("a packet of %d bytes has no word at %d", len(s.Bytes), at)
			return
		case int(template.Changed) == len(template.Changes):
			failed = fmt.Errorf("more than %d words differ", len(template.Changes))
			return
		}
		c := &template.Changes[template.Changed]
		template.Changed++
		c.At, c.Mask, c.Old = uint16(at), bits, binary.LittleEndian.Uint32(s.Bytes[at:])
		c.InIp, c.InL4 = number(inIP && s.ipSum > 0), number(inL4 && s.l4Sum > 0)
	}
	for _, random := range []struct {
		within netip.Prefix
		at     int
	}{{s.From, from}, {s.To, to}} {
		if !random.within.IsValid() {
			continue
		}
		if random.within.Addr().Is6() != s.v6 || s.ip < 0 {
			return template, fmt.Errorf("%s is of another family than the packet", random.within)
		}
		mask := hostMask(address, random.within.Bits())
		for word := 0; word < address; word += 4 {
			change(random.at+word, mask[word:], true, s.pseudo)
		}
	}
	if s.FromPort || s.ToPort {
		mask := make([]byte, 4)
		if s.FromPort {
			copy(mask, []byte{0xff, 0xff})
		}
		if s.ToPort {
			copy(mask[2:], []byte{0xff, 0xff})
		}
		change(s.l4, mask, false, true)
	}
	if s.Numbers {
		all := []byte{0xff, 0xff, 0xff, 0xff}
		change(s.l4+4, all, false, true)
		change(s.l4+8, all, false, true)
	}
	return template, failed
}

// hostMask has the bits set that are not of the network.
func hostMask(bytes, network int) []byte {
	mask := make([]byte, bytes)
	for bit := network; bit < 8*bytes; bit++ {
		mask[bit/8] |= 0x80 >> (bit % 8)
	}
	return mask
}

func number(yes bool) uint8 {
	if yes {
		return 1
	}
	return 0
}
