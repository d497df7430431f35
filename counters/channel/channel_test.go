package channel

import (
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/counters/tier"
	"github.com/theriac-edge/theriac/test/need"
	"github.com/theriac-edge/theriac/test/sample"
)

func TestMain(m *testing.M) { sample.Main(m) }

// edge is one edge's end, and its connection.
type edge struct {
	*Bus
	tier *tier.Tier
}

// edges starts n edges that share the store of opts.
func edges(t testing.TB, n int, opts tier.Options) (all []*edge) {
	t.Helper()
	for i := range n {
		opts.Node = fmt.Sprintf("edge-%d", i+1)
		connection, err := tier.New(opts)
		if err != nil {
			t.Fatal(err)
		}
		e := &edge{New(connection), connection}
		t.Cleanup(func() {
			e.Close()
			if err := connection.Close(); err != nil {
				t.Error(err)
			}
		})
		e.Start()
		connection.Start()
		all = append(all, e)
	}
	for _, e := range all {
		sample.Within(t, 10*time.Second, "the edges know of each other", func() bool {
			st := e.tier.Status()
			return st.Shared && len(st.Nodes) >= n
		})
	}
	return all
}

// ear remembers what it hears.
type ear struct {
	mu    sync.Mutex
	heard []string
}

func (e *ear) hear(message string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.heard = append(e.heard, message)
}

func (e *ear) all() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.heard)
}

// hears waits until one of what is said over and over is heard.
func hears(t testing.TB, from *Bus, to *ear, channel, message string) {
	t.Helper()
	said := 0
	sample.Within(t, 30*time.Second, fmt.Sprintf("%q is heard on %s; heard %.200q", message, channel, to.all()), func() bool {
		if said++; said%10 == 1 {
			from.Say(channel, message)
		}
		return slices.Contains(to.all(), message)
	})
}

// TestSayAndHear walks through what an edge says on two channels, in one process and in two.
func TestSayAndHear(t *testing.T) {
	t.Parallel()
	steps := func(t *testing.T, here, there *Bus) {
		var watch, other ear
		stop := there.Hear("watch", watch.hear)
		defer there.Hear("other", other.hear)()
		hears(t, here, &watch, "watch", "ready")
		hears(t, here, &other, "other", "ready")
		before := len(watch.all())
		want := []string{"1", "", "3 \x00\n", strings.Repeat("x", MaxMessage)}
		for _, message := range want {
			here.Say("watch", message)
		}
		here.Say("nobody", "4")
		sample.Within(t, 10*time.Second, "all is heard", func() bool { return len(watch.all()) >= before+len(want) })
		if got := watch.all()[before:]; !slices.Equal(got, want) {
			t.Errorf("heard %.200q, want %.200q, once each and in order", got, want)
		}
		if got := other.all(); slices.ContainsFunc(got, func(m string) bool { return m != "ready" }) {
			t.Errorf("on another channel %q is heard", got)
		}
		dropped := here.Dropped()
		here.Say("watch", strings.Repeat("x", MaxMessage+1))
		if got := here.Dropped(); got != dropped+1 {
			t.Errorf("%d messages are counted that were too long, want 1", got-dropped)
		}
		stop()
		stop()
		hears(t, here, &other, "other", "still")
		here.Say("watch", "unheard")
		hears(t, here, &other, "other", "later")
		if slices.Contains(watch.all(), "unheard") {
			t.Error("a message is heard after stop")
		}
	}
	t.Run("one process", func(t *testing.T) {
		b := New(nil)
		defer b.Close()
		steps(t, b, b)
		b.Close()
		b.Hear("watch", func(string) { t.Error("something is heard after Close") })()
		b.Say("watch", "late")
	})
	t.Run("an edge and itself", func(t *testing.T) {
		e := edges(t, 1, tier.Options{Addresses: []string{need.Redis(t).Addr}, Deadline: time.Second})[0]
		steps(t, e.Bus, e.Bus)
	})
	t.Run("two edges", func(t *testing.T) {
		all := edges(t, 2, tier.Options{Addresses: []string{need.Redis(t).Addr}, Deadline: time.Second})
		steps(t, all[0].Bus, all[1].Bus)
	})
}

// TestSlowListener: it misses the oldest, which is counted, and delays nobody else.
func TestSlowListener(t *testing.T) {
	t.Parallel()
	b := New(nil)
	defer b.Close()
	entered, leave := make(chan struct{}), make(chan struct{})
	var slow, quick ear
	var once sync.Once
	defer b.Hear("watch", func(message string) {
		once.Do(func() { close(entered); <-leave })
		slow.hear(message)
	})()
	b.Say("watch", "first")
	<-entered
	leaveQuick := b.Hear("watch", quick.hear)
	for i := range maxWaiting {
		b.Say("watch", fmt.Sprint(i))
		sample.Within(t, 5*time.Second, "the other hears it", func() bool { return len(quick.all()) == i+1 })
	}
	if got := b.Dropped(); got != 0 {
		t.Errorf("%d messages are dropped that had room", got)
	}
	leaveQuick()
	b.Say("watch", "one more")
	for range 4 { // as large as all that may wait
		b.Say("watch", strings.Repeat("x", MaxMessage))
	}
	close(leave)
	sample.Within(t, 5*time.Second, "the slow one hears what is left", func() bool { return len(slow.all()) == 5 })
	if got, dropped := slow.all(), b.Dropped(); got[0] != "first" || len(got[1]) != MaxMessage || dropped != maxWaiting+1 {
		t.Errorf("heard %.200q, dropped %d, want %d", got, dropped, maxWaiting+1)
	}
}

// TestSayNeverWaits: a store that is frozen costs messages, and nobody any time.
func TestSayNeverWaits(t *testing.T) {
	t.Parallel()
	server := need.Redis(t)
	all := edges(t, 2, tier.Options{Addresses: []string{server.Addr}, Deadline: 20 * time.Millisecond})
	var e ear
	defer all[1].Hear("watch", e.hear)()
	hears(t, all[0].Bus, &e, "watch", "ready")
	server.Stop()
	began := time.Now()
	for range 10_000 {
		all[0].Say("watch", "lost")
	}
	if took := time.Since(began); took > time.Second {
		t.Errorf("10,000 messages took %s", took)
	}
	sample.Within(t, 10*time.Second, "the store is lost", all[0].tier.Lost)
	if got := all[0].Dropped(); got < 9000 {
		t.Errorf("%d messages were given up, want nearly all of 10,000", got)
	}
	server.Cont()
	hears(t, all[0].Bus, &e, "watch", "again")
}

// TestHearsAgain: what is said after a connection is cut, a store has died, or another has
// taken over, is heard.
func TestHearsAgain(t *testing.T) {
	t.Parallel()
	begin := func(t *testing.T, opts tier.Options) (check func(string)) {
		opts.Deadline = 100 * time.Millisecond
		all, ears := edges(t, 2, opts), [2]ear{}
		for i, e := range all {
			t.Cleanup(e.Hear("watch", ears[i].hear))
		}
		return func(message string) {
			t.Helper()
			began := time.Now()
			for i := range all {
				hears(t, all[1-i].Bus, &ears[i], "watch", message)
			}
			t.Logf("%s: heard after %s", message, time.Since(began).Round(time.Millisecond))
		}
	}
	t.Run("one server", func(t *testing.T) {
		t.Parallel()
		server := need.Redis(t)
		front := need.Forward(t, server.Addr)
		check := begin(t, tier.Options{Addresses: []string{front.Addr}})
		check("ready")
		front.Move(server.Addr)
		check("the connections were cut")
		server.RestartEmpty()
		check("it died and forgot")
	})
	t.Run("Sentinel", func(t *testing.T) {
		t.Parallel()
		s := need.RedisSentinel(t, 1)
		check := begin(t, tier.Options{Addresses: []string{s.Addr}, Master: s.Name})
		check("ready")
		s.Master.Kill()
		check("the replica took over")
	})
	t.Run("a Cluster", func(t *testing.T) {
		t.Parallel()
		nodes := need.RedisClusterReplicated(t)
		var opts tier.Options
		for _, n := range nodes {
			opts.Addresses = append(opts.Addresses, n.Addr)
		}
		check := begin(t, opts)
		check("ready")
		slot := 0
		if _, err := fmt.Sscan(nodes[0].Do("CLUSTER", "KEYSLOT", redisName("watch")), &slot); err != nil {
			t.Fatal(err)
		}
		nodes[slot*3/16384].Kill()
		check("its replica took over")
	})
}

// TestSilentConnection: a connection that is dead and says nothing is noticed, because the
// store answers no ping. One that does not try would hear nothing more: that is the control.
func TestSilentConnection(t *testing.T) {
	t.Parallel()
	server := need.Redis(t)
	for quiet, want := range map[time.Duration]bool{quiet: true, 0: false} {
		t.Run(quiet.String(), func(t *testing.T) {
			t.Parallel()
			addr, silence := silent(t, server.Addr)
			connection, err := tier.New(tier.Options{Addresses: []string{addr}, Deadline: 50 * time.Millisecond})
			if err != nil {
				t.Fatal(err)
			}
			b := New(connection)
			b.sub.Quiet = quiet
			defer connection.Close()
			defer b.Close()
			var e ear
			defer b.Hear("watch", e.hear)() // before Start, so that there is one subscription only
			b.Start()
			connection.Start()
			other := edges(t, 1, tier.Options{Addresses: []string{server.Addr}})[0]
			name := quiet.String() // both are said on one channel
			hears(t, other.Bus, &e, "watch", "ready "+name)
			silence()
			again := func() bool {
				other.Say("watch", "again "+name)
				return slices.Contains(e.all(), "again "+name)
			}
			if want {
				sample.Within(t, 20*time.Second, "messages are heard again", again)
				return
			}
			for end := time.Now().Add(3 * quietForControl); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
				if again() {
					t.Fatal("the control hears again: the test proves nothing")
				}
			}
		})
	}
}

// quietForControl is as long as the others take to notice.
const quietForControl = 2 * time.Second

// silent makes an address that leads to a server. silence has all connections that there are
// pass nothing on any more, and stay open.
func silent(t *testing.T, to string) (addr string, silence func()) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var conns []net.Conn
	generation := 0
	pass := func(to, from net.Conn, born int) {
		buffer := make([]byte, 64<<10)
		for {
			n, err := from.Read(buffer)
			if err != nil {
				_ = to.Close()
				return
			}
			mu.Lock()
			speaks := born == generation
			mu.Unlock()
			if speaks {
				_, _ = to.Write(buffer[:n])
			}
		}
	}
	var loops sync.WaitGroup
	loops.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("tcp", to)
			if err != nil {
				_ = client.Close()
				continue
			}
			mu.Lock()
			conns = append(conns, client, server)
			born := generation
			mu.Unlock()
			loops.Go(func() { pass(server, client, born) })
			loops.Go(func() { pass(client, server, born) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		mu.Lock()
		for _, c := range conns {
			_ = c.Close()
		}
		mu.Unlock()
		loops.Wait()
	})
	return l.Addr().String(), func() { mu.Lock(); generation++; mu.Unlock() }
}
