package bucket

import (
	"context"
	"net"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/counters/tier"
	"github.com/theriac-edge/theriac/test/need"
	"github.com/theriac-edge/theriac/test/sample"
)

// host is where clients meet a server, until the host is gone: then nothing answers, not even
// to a SYN, and open connections are silent.
type host struct {
	net.Listener
	isGone atomic.Bool
	end    chan struct{}
}

// newHost listens with the shortest queue that there is, so that it can be filled.
func newHost(t *testing.T, server string) *host {
	t.Helper()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err == nil {
		err = syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}})
	}
	if err == nil {
		err = syscall.Listen(fd, 1)
	}
	if err != nil {
		t.Fatal(err)
	}
	file := os.NewFile(uintptr(fd), "host")
	defer file.Close()
	l, err := net.FileListener(file)
	if err != nil {
		t.Fatal(err)
	}
	h := &host{Listener: l, end: make(chan struct{})}
	t.Cleanup(func() {
		close(h.end)
		h.Close()
	})
	go h.serve(server)
	return h
}

func (h *host) serve(server string) {
	for !h.isGone.Load() {
		near, err := h.Accept()
		if err != nil {
			return
		}
		distant, err := net.Dial("tcp", server)
		if err != nil {
			near.Close()
			continue
		}
		go h.relay(distant, near)
		go h.relay(near, distant)
	}
	<-h.end
}

// relay copies until the host is gone, and then does nothing at all.
func (h *host) relay(to, from net.Conn) {
	defer to.Close()
	defer from.Close()
	room := make([]byte, 32<<10)
	for {
		n, err := from.Read(room)
		if h.isGone.Load() {
			<-h.end
			return
		}
		if err != nil {
			return
		}
		if _, err := to.Write(room[:n]); err != nil {
			return
		}
	}
}

// vanish has the host be gone. The queue of the listener is filled, so that the kernel drops what
// comes.
func (h *host) vanish(t *testing.T) {
	t.Helper()
	h.isGone.Store(true)
	for range 10 {
		conn, err := net.DialTimeout("tcp", h.Addr().String(), 100*time.Millisecond)
		if err != nil {
			return
		}
		t.Cleanup(func() { conn.Close() })
	}
	t.Fatal("the queue of the listener cannot be filled")
}

// longestGap measures, until ctx ends, the longest time in which nothing was settled.
func longestGap(ctx context.Context, lim *Limit) time.Duration {
	longest, was, since := time.Duration(0), lim.Settled.Load(), time.Now()
	for ctx.Err() == nil {
		time.Sleep(2 * time.Millisecond)
		if is := lim.Settled.Load(); is != was {
			longest, was, since = max(longest, time.Since(since)), is, time.Now()
		}
	}
	return longest
}

// TestHostThatIsGone: the host of a server of a Cluster is gone, so that whoever asks it waits. The
// keys of the other servers are settled as often as before.
func TestHostThatIsGone(t *testing.T) {
	t.Parallel()
	for name, deadline := range map[string]time.Duration{"near": tier.DefaultDeadline, "far": 200 * time.Millisecond} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			nodes := need.RedisCluster(t, "cluster-require-full-coverage no")
			h := newHost(t, nodes[1].Addr)
			_, port, _ := net.SplitHostPort(h.Addr().String())
			nodes[1].Do("CONFIG", "SET", "cluster-announce-port", port)
			for _, other := range []*need.RedisServer{nodes[0], nodes[2]} { // an edge may ask either
				sample.Within(t, 10*time.Second, "the Cluster has the host's address", func() bool {
					return strings.Contains(other.Do("CLUSTER", "SLOTS"), "\n"+port+"\n")
				})
			}
			c := gather(t, 2, tier.Options{Addresses: []string{nodes[0].Addr, nodes[2].Addr}, Deadline: deadline})
			var before, meanwhile time.Duration
			measure := func(d time.Duration) time.Duration {
				ctx, cancel := context.WithTimeout(t.Context(), d)
				defer cancel()
				return longestGap(ctx, c.lim)
			}
			before = measure(2 * time.Second)
			c.incident("the host is gone", func() {
				h.vanish(t)
				meanwhile = measure(6 * time.Second)
			})
			t.Logf("the longest time between two settlements: %s before, %s meanwhile", before, meanwhile)
			if meanwhile > max(2*before, 500*time.Millisecond) { // 937 ms if one round trip has all servers
				t.Error("the server that does not answer delays the settlement of the others")
			}
			if st := c.stores[0].Status(); st.CutOff == 0 || !strings.Contains(st.Reason, h.Addr().String()) {
				t.Errorf("%d partitions cut off: %s", st.CutOff, st.Reason)
			}
		})
	}
}
