package bans

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/shop/ban"
	"github.com/theriac-edge/theriac/shop/netkey"
	"github.com/theriac-edge/theriac/test/sample"
)

// requestFor makes a request for a key.
func requestFor(key netkey.Key, cause ban.Cause, life time.Duration) Request {
	q := request("", cause, life)
	q.Key, q.PerMinute = key, 1<<30
	return q
}

// TestBansFull: as many bans as can be fit into what is said of them, and one
// more takes the place of the one that ends first, never of a manual one.
func TestBansFull(t *testing.T) {
	keys := sample.Keys(maxBans + 3)
	before := sample.Heap()
	m := memory()
	defer m.Close()
	manual, first, second := keys[0], keys[1], keys[2]
	banIt := func(key netkey.Key, cause ban.Cause, life time.Duration) error {
		q := requestFor(key, cause, life)
		q.Rule = strings.Repeat("r", maxRule)
		return m.Ban(q)
	}
	for i, key := range keys[:maxBans] {
		cause, life := ban.ByLimit, time.Hour+time.Duration(i)*time.Second
		if i == 0 {
			cause, life = ban.Manual, 20*time.Minute
		}
		if err := banIt(key, cause, life); err != nil {
			t.Fatal(err)
		}
	}
	if grown := sample.Heap() - before; grown > 24<<20 {
		t.Errorf("as many bans as can be need %d bytes, want at most 24 MiB", grown)
	} else {
		t.Logf("%d bans need %d bytes", maxBans, grown)
	}
	var ear banEar
	defer m.ListenBans(ear.hear)()
	if got := ear.count(); got != maxBans {
		t.Errorf("a new listener hears %d bans, want %d", got, maxBans)
	}
	if err := banIt(keys[maxBans], ban.ByLimit, 30*time.Minute); err != nil {
		t.Fatal(err)
	}
	holds := func(key netkey.Key, want bool) {
		t.Helper()
		if _, got := m.Banned(key, "", time.Now()); got != want {
			t.Errorf("banned is %t, want %t", got, want)
		}
	}
	holds(manual, true)
	holds(first, false)
	holds(second, true)
	holds(keys[maxBans], true)
	if got := m.Status().Bans; got != maxBans || len(m.Bans()) != maxBans || ear.count() != maxBans {
		t.Errorf("%d bans, %d listed and %d heard of, want %d", got, len(m.Bans()), ear.count(), maxBans)
	}
	for _, key := range keys[1:maxBans] { // manual bans only
		if err := banIt(key, ban.Manual, time.Hour); err != nil {
			t.Fatal(err)
		}
	}
	if err := banIt(keys[maxBans+1], ban.ByLimit, time.Hour); !errors.Is(err, ErrFull) {
		t.Errorf("got %v, want that there is no room", err)
	}
	if got := m.Status().Refused.Full; got != 1 {
		t.Errorf("counted %d without room, want 1", got)
	}
}

// TestPendingBansFull: bans that wait for the store need more, and no more than
// what is said of them.
func TestPendingBansFull(t *testing.T) {
	keys := sample.Keys(maxBans + 1)
	before := sample.Heap()
	r := unreached(t)
	for _, key := range keys {
		q := requestFor(key, ban.ByLimit, time.Hour)
		q.Rule = strings.Repeat("r", maxRule)
		if err := r.Ban(q); err != nil {
			t.Fatal(err)
		}
	}
	if grown := sample.Heap() - before; grown > 32<<20 {
		t.Errorf("as many bans as can be need %d bytes, want at most 32 MiB", grown)
	} else {
		t.Logf("%d bans need %d bytes", maxBans, grown)
	}
	if st := r.Status(); st.Bans != maxBans || st.Pending != maxBans {
		t.Errorf("%d bans, %d of them pending, want %d", st.Bans, st.Pending, maxBans)
	}
}

// TestProtectedFull: as many subnets as can be, and the oldest make room.
func TestProtectedFull(t *testing.T) {
	m, now, keys := memory(), time.Now(), sample.Keys(2*maxProtected)
	defer m.Close()
	before := sample.Heap()
	for i, key := range keys {
		m.Protect(key, now.Add(time.Duration(i)*time.Microsecond))
	}
	if grown := sample.Heap() - before; grown > 2<<20 {
		t.Errorf("protected subnets need %d bytes, want at most 2 MiB", grown)
	}
	known := func(keys []netkey.Key) (n int) {
		for _, key := range keys {
			if m.Protected(key, now.Add(time.Minute)) {
				n++
			}
		}
		return n
	}
	if old, young := known(keys[:maxProtected/2]), known(keys[len(keys)-maxProtected/2:]); old > maxProtected/20 || young < maxProtected*45/100 {
		t.Errorf("of %d each %d of the oldest are known and %d of the youngest", maxProtected/2, old, young)
	}
	if m.Protected(keys[len(keys)-1], now.Add(protectedLife+time.Second)) {
		t.Error("the protection does not end")
	}
}

// TestBansRace: readers see each ban from when it is made until it is lifted,
// whatever is done to its neighbours.
func TestBansRace(t *testing.T) {
	m, keys := memory(), sample.Keys(4000)
	defer m.Close()
	for i := range keys { // all in 40 chains
		binary.LittleEndian.PutUint16(keys[i][8:], uint16(i%40))
	}
	still, moving := keys[:400], keys[400:]
	for _, key := range still {
		if err := m.Ban(requestFor(key, ban.ByWAF, time.Hour)); err != nil {
			t.Fatal(err)
		}
	}
	var done atomic.Bool
	var writers, readers sync.WaitGroup
	for i := range 4 {
		writers.Go(func() {
			r := rand.New(rand.NewPCG(uint64(i), 0))
			for j := range 20_000 {
				key := moving[r.IntN(len(moving))]
				if r.IntN(3) == 0 {
					m.Unban(key, netkey.Key{})
				} else if err := m.Ban(requestFor(key, ban.ByLimit, time.Hour+time.Duration(j)*time.Minute)); err != nil {
					t.Error(err)
				}
			}
		})
		readers.Go(func() {
			for n := i; !done.Load(); n++ {
				if b, ok := m.Banned(still[n%len(still)], "rosen", time.Now()); !ok || b.Key != still[n%len(still)] {
					t.Error("a ban that was not lifted does not hold")
					return
				}
			}
		})
	}
	writers.Wait()
	done.Store(true)
	readers.Wait()
	if got, want := m.Status().Bans, len(m.Bans()); got != want {
		t.Errorf("%d bans are counted, %d are there", got, want)
	}
}

// TestBanListener: a listener may ban, ask and leave.
func TestBanListener(t *testing.T) {
	m := memory()
	defer m.Close()
	var first banEar
	if err := m.Ban(request("a", ban.ByLimit, time.Minute)); err != nil {
		t.Fatal(err)
	}
	stop := m.ListenBans(first.hear)
	defer m.ListenBans(func(n ban.Event) {
		if n.Key == sample.Key("b") && !n.Over() {
			stop()
			m.Unban(n.Key, sample.Key("client of b"))
		}
	})()
	if err := m.Ban(request("b", ban.ByLimit, time.Minute)); err != nil {
		t.Fatal(err)
	}
	if _, banned := m.Banned(sample.Key("b"), "", time.Now()); banned {
		t.Error("the listener lifted the ban, but it holds")
	}
	var news ban.Event
	defer m.ListenBans(func(n ban.Event) { news = n })()
	m.Unban(sample.Key("a"), sample.Key("client of a"))
	if !news.Over() || news.Client != sample.Key("client of a") || news.Cause != ban.ByLimit || news.Rule != "client" {
		t.Errorf("heard %+v, want the ban and whose counts are to be forgotten", news)
	}
}

// BenchmarkBanned measures what a list of so many bans costs a request of
// a client that is on it, and of one that is not.
func BenchmarkBanned(b *testing.B) {
	keys := sample.Keys(2 * maxBans)
	for _, n := range []int{0, 1, 10_000, maxBans} {
		m, now := memory(), time.Now()
		defer m.Close()
		for _, key := range keys[:n] {
			if err := m.Ban(requestFor(key, ban.ByLimit, time.Hour)); err != nil {
				b.Fatal(err)
			}
		}
		for name, asked := range map[string][]netkey.Key{"banned": keys[:n], "others": keys[maxBans:]} {
			b.Run(fmt.Sprintf("%s/%d", name, n), func(b *testing.B) {
				b.ReportAllocs()
				for i := 0; len(asked) > 0 && b.Loop(); i++ {
					m.Banned(asked[i%len(asked)], "rosen", now)
				}
			})
		}
	}
}

// TestBanAllocs: what every request asks costs no memory.
func TestBanAllocs(t *testing.T) {
	m, now, keys := memory(), time.Now(), sample.Keys(1000)
	defer m.Close()
	for _, key := range keys[:500] {
		if err := m.Ban(requestFor(key, ban.ByLimit, time.Hour)); err != nil {
			t.Fatal(err)
		}
	}
	m.Protect(keys[0], now)
	i := 0
	if got := testing.AllocsPerRun(1000, func() {
		m.Banned(keys[i%1000], "rosen", now)
		m.Protect(keys[i%1000], now)
		m.Protected(keys[i%1000], now)
		i++
	}); got != 0 {
		t.Errorf("%v allocations a request", got)
	}
}

// BenchmarkVouch measures what a customer's request costs.
func BenchmarkVouch(b *testing.B) {
	m, now, keys := memory(), time.Now(), sample.Keys(10_000)
	defer m.Close()
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		m.Protect(keys[i%len(keys)], now)
	}
}

// BenchmarkBan measures a ban that this edge knows is not to be made.
func BenchmarkBan(b *testing.B) {
	m := memory()
	defer m.Close()
	m.Protect(sample.Key("net of a"), time.Now())
	q := request("a", ban.ByLimit, time.Hour)
	b.ReportAllocs()
	for b.Loop() {
		_ = m.Ban(q)
	}
}
