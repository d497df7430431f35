package packets

import (
	"context"
	"errors"
	"net/netip"
	"time"

	"github.com/theriac-edge/theriac/drill/record"
	"github.com/theriac-edge/theriac/drill/scenario"
	"github.com/theriac-edge/theriac/scrub/lab"
)

// reflectors are the services whose answers are sent: DNS, NTP, memcached.
var reflectors = []uint16{53, 123, 11211}

// templates are the packets of a wave at a shop.
func templates(v scenario.Vector, shop netip.Addr) (all []lab.Template) {
	packet := func(layers ...lab.Layer) lab.Template {
		ip := lab.IPv4{Src: lab.SpoofedNet4.Addr(), Dst: shop}
		return lab.Template{Packet: lab.Build(append([]lab.Layer{lab.Ethernet{}, ip}, layers...)...), From: lab.SpoofedNet4}
	}
	switch v {
	case scenario.SYN:
		syn := packet(lab.SYNOf(lab.ServedPort))
		syn.FromPort, syn.Numbers = true, true
		return []lab.Template{syn}
	case scenario.Reflection:
		for _, port := range reflectors {
			answer := packet(lab.UDP{From: port, To: lab.QUICPort}, make(lab.Payload, 460))
			answer.ToPort = true
			all = append(all, answer)
		}
		return all
	}
	bomb := packet(lab.UDP{To: lab.UDPPort}, make(lab.Payload, 200))
	bomb.To, bomb.FromPort, bomb.ToPort = lab.ShopNet4, true, true
	return []lab.Template{bomb}
}

// slice is how long packets are sent until they are counted.
const slice = time.Second

// attack sends a wave, second by second. What of it reached the host's own stack is counted
// by the lab, not by the scrubber.
func (p *playing) attack(ctx context.Context, w scenario.Wave) error {
	shop := w.Shops[0]
	tell := p.record.Wave(record.Wave{Name: w.Name, Shop: shop, Vector: string(w.Vector), At: w.At.D(), For: w.For.D()})
	shots := templates(w.Vector, p.yard.shop(shop).addr.Addr())
	due, sent := 0, 0
	for since := time.Duration(0); since < w.For.D() && p.until(ctx, w.At.D()+since); since += slice {
		lasting := min(slice, w.For.D()-since)
		rate := int(w.Rate.At(since + lasting/2))
		at := p.begin.Add(w.At.D() + since)
		wanted := int(float64(rate) * lasting.Seconds())
		if due += wanted; p.isRouted(shop, w.At.D()+since) {
			sent += wanted // the packets vanish where the route is
			count(tell, at, record.Unanswered, wanted)
			continue
		}
		burst, through, err := p.yard.fire(ctx, shots, rate, lasting)
		if err != nil && ctx.Err() == nil {
			return err
		}
		sent += int(burst.Packets)
		arrived := burst.Packets - min(burst.Lost, burst.Packets)
		through = min(through, arrived)
		count(tell, at, record.Served, int(through))
		count(tell, at, record.Forbidden, int(arrived-through))
		count(tell, at, record.Unanswered, int(burst.Lost))
	}
	p.record.Missed(w.Name, shop, w.At.D(), due, max(0, due-sent))
	return nil
}

func count(tell func(time.Time, record.Outcome), at time.Time, o record.Outcome, n int) {
	for range n {
		tell(at, o)
	}
}

// fire sends packets for a while; through is how many of them reached the stack.
func (y *yard) fire(ctx context.Context, shots []lab.Template, rate int, lasting time.Duration) (burst lab.Burst, through uint64, err error) {
	before, err := y.Reached()
	if err != nil {
		return burst, 0, err
	}
	burst, failed := y.Send(ctx, shots, rate, lasting)
	after, err := y.Reached()
	return burst, after.Since(before).Strangers, errors.Join(failed, err)
}
