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

// A gun is what the lab has in the kernel. Its links are kept, for programs are
// taken off with them.
type gun struct {
	programs  programsObjects
	links     []link.Link
	witnesses []link.Link
	target    net.HardwareAddr
	own       net.HardwareAddr

	firing sync.Mutex
}

// live asks BPF_PROG_RUN to send what the program returns
// (BPF_F_TEST_XDP_LIVE_FRAMES).
const live = 1 << 1

// A volley is sent in bursts this far apart.
const pace = 5 * time.Millisecond

func load(l *Lab) (*gun, error) {
	g := new(gun)
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
		if err := g.programs.Muzzle.Set(uint32(edge.Index)); err != nil {
			return err
		}
		if err := g.attach(g.programs.Sink, ToEdge); err != nil {
			return err
		}
		// Nothing comes in there, but a run of a program that is attached nowhere
		// waits twice for all processors to have forgotten the one before.
		return g.attach(g.programs.Shoot, "lo")
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
func (g *gun) attach(program *ebpf.Program, iface string) error {
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

// DropAll puts the least of all XDP programs on the edge's interface to the
// internet, for a scrubber to be compared with.
func (l *Lab) DropAll() (stop func() error, err error) {
	var drop link.Link
	if err := l.Edge.Do(func() (err error) {
		drop, err = attach(l.gun.programs.Drop, ToInternet)
		return err
	}); err != nil {
		return nil, fmt.Errorf("dropping all at the edge: %w", err)
	}
	return drop.Close, nil
}

// watch puts a witness behind an interface of the thread's namespace.
func (g *gun) watch(program *ebpf.Program, iface string) error {
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

// Unwatch takes the witnesses off: nothing is counted as arrived any more, nor do
// packets pay for that.
func (l *Lab) Unwatch() error {
	var failed []error
	for _, w := range l.gun.witnesses {
		failed = append(failed, w.Close())
	}
	l.gun.witnesses = nil
	return errors.Join(failed...)
}

func (g *gun) close() error {
	var failed []error
	for _, l := range slices.Concat(g.links, g.witnesses) {
		failed = append(failed, l.Close())
	}
	return errors.Join(append(failed, g.programs.Close())...)
}

// Fired is what became of a volley.
type Fired struct {
	Packets uint64        // sent
	Lost    uint64        // of them, for which the edge's queue had no room
	Took    time.Duration // from the first to the last
	CPU     time.Duration // that sending and receiving took
}

// PerSecond is how many packets arrived in a second.
func (f Fired) PerSecond() float64 { return float64(f.Packets-f.Lost) / f.Took.Seconds() }

// PerPacket is what sending and receiving one took.
func (f Fired) PerPacket() time.Duration { return f.CPU / time.Duration(max(f.Packets, 1)) }

// Fire sends the shots in turn at the edge, so many a second and for so long, or
// until ctx ends. Less is sent if this machine cannot send and receive as fast.
func (l *Lab) Fire(ctx context.Context, shots []Shot, rate int, lasting time.Duration) (fired Fired, err error) {
	g := l.gun
	g.firing.Lock()
	defer g.firing.Unlock()
	frame, err := g.load(shots)
	if err != nil {
		return fired, fmt.Errorf("loading the gun: %w", err)
	}
	before, err := total(g.programs.Fired, uint32(0))
	if err != nil {
		return fired, err
	}
	err = l.Internet.Do(func() error {
		if l.OneCPU {
			leave, err := stayHere()
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
		if err := g.volley(ctx, frame, rate, lasting); err != nil {
			return err
		}
		fired.Took, fired.CPU = time.Since(began), threadCPU()+softirqCPU()-cpu
		now, err := dropped(ToEdge)
		fired.Lost = now - lost
		return err
	})
	if err != nil {
		return fired, fmt.Errorf("firing: %w", err)
	}
	after, err := total(g.programs.Fired, uint32(0))
	fired.Packets = after - before
	return fired, err
}

// load fills the magazine and returns a frame in which every shot fits.
func (g *gun) load(shots []Shot) (frame []byte, err error) {
	if len(shots) == 0 || len(shots) > int(g.programs.Magazine.MaxEntries()) {
		return nil, fmt.Errorf("%d shots are outside of 1..%d", len(shots), g.programs.Magazine.MaxEntries())
	}
	longest := 0
	for i, s := range shots {
		shot, err := s.compile()
		if err != nil {
			return nil, fmt.Errorf("shot %d: %w", i, err)
		}
		copy(shot.Bytes[:], g.target)
		copy(shot.Bytes[6:], g.own)
		if err := g.programs.Magazine.Put(uint32(i), &shot); err != nil {
			return nil, fmt.Errorf("shot %d: %w", i, err)
		}
		longest = max(longest, len(s.Bytes))
	}
	return make([]byte, longest+1), g.programs.Loaded.Set(uint32(len(shots)))
}

// volley fires bursts from this thread. It makes up for a burst that came late,
// as long as there is time.
func (g *gun) volley(ctx context.Context, frame []byte, rate int, lasting time.Duration) error {
	began, sent := time.Now(), 0.0
	for ctx.Err() == nil {
		passed := time.Since(began)
		due := float64(rate)*min(passed+pace, lasting).Seconds() - sent
		burst := uint32(min(due, max(1, float64(rate)*4*pace.Seconds())))
		if burst > 0 {
			sent += float64(burst)
			if _, err := g.programs.Shoot.Run(&ebpf.RunOptions{Data: frame, Repeat: burst, Flags: live, BatchSize: 64}); err != nil {
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
