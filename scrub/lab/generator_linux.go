package lab

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
)

// A generator is the lab's programs in the kernel. Its links are referenced, since
// programs are detached when their links are collected.
type generator struct {
	programs  programsObjects
	links     []link.Link
	witnesses []link.Link
	target    net.HardwareAddr
	own       net.HardwareAddr

	sending sync.Mutex
}

// live asks BPF_PROG_RUN to send what the program returns
// (BPF_F_TEST_XDP_LIVE_FRAMES).
const live = 1 << 1

// pace is the time between batches of packets.
const pace = 5 * time.Millisecond

func load(l *Lab) (*generator, error) {
	g := new(generator)
	if err := loadProgramsObjects(&g.programs, nil); err != nil {
		return nil, fmt.Errorf("loading the lab's programs: %w", err)
	}
	err := l.Internet.Do(func() (err error) {
		edge, err := net.InterfaceByName(ToEdge)
		if err != nil {
			return err
		}
		g.own = edge.HardwareAddr
		if g.target, err = net.ParseMAC(edgeMAC); err != nil {
			return err
		}
		if err := g.programs.Egress.Set(uint32(edge.Index)); err != nil {
			return err
		}
		if err := g.attach(g.programs.Sink, ToEdge); err != nil {
			return err
		}
		// No packet arrives there, but a test run of a program that is attached nowhere
		// waits twice for an RCU grace period.
		return g.attach(g.programs.Generate, "lo")
	})
	if err == nil {
		err = l.Edge.Do(func() error { return g.watch(g.programs.WitnessAtEdge, ToInternet) })
	}
	if err == nil {
		err = l.Centre.Do(func() error { return g.watch(g.programs.WitnessAtCentre, ToEdge) })
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("attaching the lab's programs: %w", err), g.close())
	}
	return g, nil
}

// attach puts a program on an interface of the thread's namespace.
func (g *generator) attach(program *ebpf.Program, iface string) error {
	attached, err := attach(program, iface)
	if err == nil {
		g.links = append(g.links, attached)
	}
	return err
}

func attach(program *ebpf.Program, iface string) (link.Link, error) {
	i, err := net.InterfaceByName(iface)
	if err != nil {
		return nil, err
	}
	return link.AttachXDP(link.XDPOptions{Program: program, Interface: i.Index})
}

// DropAll attaches the cheapest XDP program, which drops everything, to the edge's
// interface to the internet, for a scrubber to be compared with.
func (l *Lab) DropAll() (stop func() error, err error) {
	var drop link.Link
	if err := l.Edge.Do(func() (err error) {
		drop, err = attach(l.generator.programs.Drop, ToInternet)
		return err
	}); err != nil {
		return nil, fmt.Errorf("dropping all at the edge: %w", err)
	}
	return drop.Close, nil
}

// watch attaches a witness behind an interface of the thread's namespace.
func (g *generator) watch(program *ebpf.Program, iface string) error {
	i, err := net.InterfaceByName(iface)
	if err != nil {
		return err
	}
	witness, err := link.AttachTCX(link.TCXOptions{Program: program, Attach: ebpf.AttachTCXIngress, Interface: i.Index})
	if err == nil {
		g.witnesses = append(g.witnesses, witness)
	}
	return err
}

// RemoveWitnesses detaches the witnesses: packets that reach a stack are no longer
// counted, and do not pay for that.
func (l *Lab) RemoveWitnesses() error {
	var failed []error
	for _, w := range l.generator.witnesses {
		failed = append(failed, w.Close())
	}
	l.generator.witnesses = nil
	return errors.Join(failed...)
}

func (g *generator) close() error {
	var failed []error
	for _, l := range slices.Concat(g.links, g.witnesses) {
		failed = append(failed, l.Close())
	}
	return errors.Join(append(failed, g.programs.Close())...)
}

// Burst is the result of one Send.
type Burst struct {
	Packets uint64        // sent
	Lost    uint64        // of them, because the edge's queue was full
	Took    time.Duration // from the first packet to the last
	CPU     time.Duration // CPU time of sending and receiving
}

// PerSecond is how many packets arrived per second.
func (f Burst) PerSecond() float64 { return float64(f.Packets-f.Lost) / f.Took.Seconds() }

// PerPacket is the CPU time of sending and receiving one packet.
func (f Burst) PerPacket() time.Duration { return f.CPU / time.Duration(max(f.Packets, 1)) }

// Send sends packets made from the templates in turn to the edge, at this rate per
// second, until the time is over or ctx is done. It sends fewer if this machine
// cannot send and receive as fast.
func (l *Lab) Send(ctx context.Context, templates []Template, rate int, lasting time.Duration) (sent Burst, err error) {
	g := l.generator
	g.sending.Lock()
	defer g.sending.Unlock()
	frame, err := g.load(templates)
	if err != nil {
		return sent, fmt.Errorf("loading the templates: %w", err)
	}
	before, err := total(g.programs.Sent, uint32(0))
	if err != nil {
		return sent, err
	}
	err = l.Internet.Do(func() error {
		if l.OneCPU {
			leave, err := pinToCPU()
			if err != nil {
				return err
			}
			defer leave()
		}
		lost, err := dropped(ToEdge)
		if err != nil {
			return err
		}
		cpu, began := threadCPU()+softirqCPU(), time.Now()
		if err := g.burst(ctx, frame, rate, lasting); err != nil {
			return err
		}
		sent.Took, sent.CPU = time.Since(began), threadCPU()+softirqCPU()-cpu
		now, err := dropped(ToEdge)
		sent.Lost = now - lost
		return err
	})
	if err != nil {
		return sent, fmt.Errorf("sending: %w", err)
	}
	after, err := total(g.programs.Sent, uint32(0))
	sent.Packets = after - before
	return sent, err
}

// load writes the templates into the kernel and returns a buffer that is longer than
// any of them.
func (g *generator) load(templates []Template) (frame []byte, err error) {
	if len(templates) == 0 || len(templates) > int(g.programs.Templates.MaxEntries()) {
		return nil, fmt.Errorf("%d templates: want 1 to %d", len(templates), g.programs.Templates.MaxEntries())
	}
	longest := 0
	for i, s := range templates {
		template, err := s.compile()
		if err != nil {
			return nil, fmt.Errorf("template %d: %w", i, err)
		}
		copy(template.Bytes[:], g.target)
		copy(template.Bytes[6:], g.own)
		if err := g.programs.Templates.Put(uint32(i), &template); err != nil {
			return nil, fmt.Errorf("template %d: %w", i, err)
		}
		longest = max(longest, len(s.Bytes))
	}
	return make([]byte, longest+1), g.programs.TemplateCount.Set(uint32(len(templates)))
}

// burst sends batches from this thread. It makes up for a batch that was late, as long
// as there is time.
func (g *generator) burst(ctx context.Context, frame []byte, rate int, lasting time.Duration) error {
	began, sent := time.Now(), 0.0
	for ctx.Err() == nil {
		passed := time.Since(began)
		due := float64(rate)*min(passed+pace, lasting).Seconds() - sent
		burst := uint32(min(due, max(1, float64(rate)*4*pace.Seconds())))
		if burst > 0 {
			sent += float64(burst)
			if _, err := g.programs.Generate.Run(&ebpf.RunOptions{Data: frame, Repeat: burst, Flags: live, BatchSize: 64}); err != nil {
				return err
			}
		}
		if passed >= lasting {
			return nil
		}
		if due-float64(burst) < 1 {
			time.Sleep(time.Until(began.Add(passed + pace)))
		}
	}
	return nil
}
