//go:build linux

package scrub

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"net/netip"
	"time"

	"github.com/cilium/ebpf/ringbuf"
)

// Samples calls call with each sample until ctx is done. Only one caller at a time
// gets all of them.
func (s *Scrubber) Samples(ctx context.Context, call func(Sample)) error {
	reader, err := ringbuf.NewReader(s.objects.Samples)
	if err != nil {
		return fmt.Errorf("scrub: opening the samples: %w", err)
	}
	defer reader.Close()
	defer context.AfterFunc(ctx, func() { _ = reader.Close() })() // the only way to end a wait
	var record ringbuf.Record
	for {
		err := reader.ReadInto(&record)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			return fmt.Errorf("scrub: reading the samples: %w", err)
		}
		var k kernelSample
		if err := binary.Read(bytes.NewReader(record.RawSample), binary.NativeEndian, &k); err != nil {
			continue // written by another release
		}
		call(s.sampleOf(k))
	}
}

func (s *Scrubber) sampleOf(k kernelSample) Sample {
	sample := Sample{
		Time: time.Now().Add(time.Duration(k.Time) - now()), Reason: Reason(k.Reason), Interface: int(k.Ifindex),
		Source: addrOf(k.Src, k.V6), Dest: addrOf(k.Dst, k.V6), Protocol: k.Protocol,
		SrcPort: k.Sport, DstPort: k.Dport, Flags: k.Flags, ICMPType: k.IcmpType, Length: k.Length,
	}
	if k.Watched != 0 {
		watched := Reason(k.Watched)
		sample.Watched = &watched
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if int(k.Policy) < len(s.policies) {
		sample.Policy = s.policies[k.Policy]
	}
	return sample
}

func addrOf(words [4]uint32, v6 uint8) netip.Addr {
	if v6 == 0 {
		return wordAddr(words[0])
	}
	var a [16]byte
	for i, w := range words {
		binary.NativeEndian.PutUint32(a[4*i:], w)
	}
	return netip.AddrFrom16(a)
}
