package bans

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/shop/ban"
	"github.com/theriac-edge/theriac/shop/netkey"
	"github.com/theriac-edge/theriac/test/sample"
)

// banEar is a listener that remembers: "+name=cause" and "-name=cause".
type banEar struct {
	mu      sync.Mutex
	heard   []string
	refused []string // "name: why"
	last    ban.Event
	at      time.Time
	known   map[string]bool
}

func (e *banEar) hear(n ban.Event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.known == nil {
		e.known = map[string]bool{}
	}
	if n.Kind == ban.Refused {
		e.refused = append(e.refused, fmt.Sprintf("%s: %v", nameOf(n.Key, n.Shop), n.Err))
		return
	}
	sign, p := "+", id(n.Key, n.Shop)
	if n.Over() {
		sign = "-"
		delete(e.known, p)
	} else {
		e.known[p] = true
	}
	e.heard = append(e.heard, sign+nameOf(n.Key, n.Shop)+"="+n.Cause.String())
	e.last, e.at = n, time.Now()
}

func (e *banEar) all() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return strings.Join(e.heard, " ")
}

// refusals are the bans that the listener has heard were refused, and why.
func (e *banEar) refusals() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return strings.Join(e.refused, ", ")
}

// count is how many bans the listener has heard of that were not lifted since.
func (e *banEar) count() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.known)
}

// names are what keys in these tests are called.
var names = map[netkey.Key]string{sample.Key("a"): "a", sample.Key("b"): "b", sample.Key("c"): "c"}

func nameOf(key netkey.Key, at shop.ID) string {
	name, ok := names[key]
	if !ok {
		name = key.Reference()
	}
	if at != "" {
		name += "@" + string(at)
	}
	return name
}

// banned are the bans that hold, sorted, with whole seconds until their end.
func banned(s store) string {
	var all []string
	for _, b := range s.Bans() {
		all = append(all, fmt.Sprintf("%s=%s:%d", nameOf(b.Key, b.Shop), b.Cause, int(time.Until(b.Until).Seconds()+0.5)))
	}
	slices.Sort(all)
	return strings.Join(all, " ")
}

// request makes a request of "a" or "a@rosen".
func request(target string, cause ban.Cause, life time.Duration) Request {
	name, at, _ := strings.Cut(target, "@")
	return Request{
		Ban: ban.Ban{Key: sample.Key(name), Shop: shop.ID(at), Cause: cause, Rule: "client", Until: time.Now().Add(life)},
		At:  "rosen", Subnet: sample.Key("net of " + name), PerMinute: 100,
	}
}

// banStep is one thing that is done to a list, and what then is so.
type banStep struct {
	after time.Duration
	name  string
	cause ban.Cause
	life  time.Duration // 0: the name is unbanned; without a name nothing is done
	heard string        // since the step before
	want  string        // the bans that hold
}

// banSteps are what one edge does, and what is so at each edge afterwards.
var banSteps = []struct {
	name  string
	steps []banStep
}{
	{"a ban ends", []banStep{
		{0, "a", ban.ByLimit, 10 * time.Second, "+a=limit", "a=limit:10"},
		{4 * time.Second, "b", ban.ByWAF, 4 * time.Second, "+b=waf", "a=limit:6 b=waf:4"},
		{5 * time.Second, "", 0, 0, "-b=waf", "a=limit:1"},
		{2 * time.Second, "", 0, 0, "-a=limit", ""},
	}},
	{"a later end extends, an earlier one does not shorten", []banStep{
		{0, "a", ban.ByLimit, 10 * time.Second, "+a=limit", "a=limit:10"},
		{0, "a", ban.ByLimit, 5 * time.Second, "", "a=limit:10"},
		{0, "a", ban.ByWAF, 20 * time.Second, "+a=waf", "a=waf:20"},
	}},
	{"a repetition changes nothing", []banStep{
		{0, "a", ban.ByLimit, 10 * time.Second, "+a=limit", "a=limit:10"},
		{300 * time.Millisecond, "a", ban.ByLimit, 10 * time.Second, "", "a=limit:10"},
	}},
	{"a manual ban outranks automatic ones", []banStep{
		{0, "a", ban.ByLimit, 100 * time.Second, "+a=limit", "a=limit:100"},
		{50 * time.Millisecond, "a", ban.Manual, 20 * time.Second, "+a=manual", "a=manual:20"},
		{0, "a", ban.ByLimit, 100 * time.Second, "", "a=manual:20"},
		{50 * time.Millisecond, "a", ban.Manual, 2 * time.Second, "+a=manual", "a=manual:2"},
		{3 * time.Second, "", 0, 0, "-a=manual", ""},
		{0, "a", ban.ByLimit, 100 * time.Second, "+a=limit", "a=limit:100"},
	}},
	{"shops are apart", []banStep{
		{0, "a@rosen", ban.ByLimit, 10 * time.Second, "+a@rosen=limit", "a@rosen=limit:10"},
		{0, "a@linden", ban.ByWAF, 20 * time.Second, "+a@linden=waf", "a@linden=waf:20 a@rosen=limit:10"},
		{0, "a", ban.Manual, 30 * time.Second, "+a=manual", "a=manual:30 a@linden=waf:20 a@rosen=limit:10"},
	}},
	{"lifted, and banned again", []banStep{
		{0, "a", ban.ByLimit, time.Minute, "+a=limit", "a=limit:60"},
		{0, "b", ban.ByLimit, time.Minute, "+b=limit", "a=limit:60 b=limit:60"},
		{50 * time.Millisecond, "a", 0, 0, "-a=limit", "b=limit:60"},
		{50 * time.Millisecond, "a", ban.ByLimit, time.Minute, "+a=limit", "a=limit:60 b=limit:60"},
	}},
	{"lifted without a ban, and banned", []banStep{
		{0, "a", 0, 0, "-a=manual", ""},
		{50 * time.Millisecond, "a", ban.ByLimit, time.Minute, "+a=limit", "a=limit:60"},
	}},
}

// do does the step.
func (s *banStep) do(store store) error {
	switch {
	case s.name == "":
		return nil
	case s.life == 0:
		store.Unban(sample.Key(s.name), sample.Key("client"))
		return nil
	}
	return store.Ban(request(s.name, s.cause, s.life))
}

func TestBans(t *testing.T) {
	for _, test := range banSteps {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m, ear := memory(), &banEar{}
				defer m.ListenBans(ear.hear)()
				before := ""
				for i, s := range test.steps {
					time.Sleep(s.after)
					synctest.Wait()
					if err := s.do(m); err != nil {
						t.Errorf("step %d: %v", i, err)
					}
					heard := strings.TrimSpace(strings.TrimPrefix(ear.all(), before))
					if before = ear.all(); heard != s.heard {
						t.Errorf("step %d: heard %q, want %q", i, heard, s.heard)
					}
					if got := banned(m); got != s.want {
						t.Errorf("step %d: banned are %q, want %q", i, got, s.want)
					}
				}
				if err := m.Close(); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// TestBanned: where a ban holds, and for how long.
func TestBanned(t *testing.T) {
	m := memory()
	defer m.Close()
	now := time.Now()
	is := func(name string, at shop.ID, when time.Time, want bool) {
		t.Helper()
		if b, got := m.Banned(sample.Key(name), at, when); got != want || got && b.Key != sample.Key(name) {
			t.Errorf("%s at %q: got %t and %+v, want %t", name, at, got, b, want)
		}
	}
	is("a", "", now, false)
	for _, name := range []string{"a", "b@rosen"} {
		if err := m.Ban(request(name, ban.ByLimit, time.Minute)); err != nil {
			t.Fatal(err)
		}
	}
	is("a", "", now, true)
	is("a", "rosen", now, true)
	is("b", "rosen", now, true)
	is("b", "linden", now, false)
	is("b", "", now, false)
	is("c", "rosen", now, false)
	is("a", "", now.Add(59*time.Second), true)
	is("a", "", now.Add(61*time.Second), false)
	m.Unban(sample.Key("b"), netkey.Key{})
	is("b", "rosen", now, false)
	is("a", "rosen", now, true)
}

// TestRefusedBans: what is not banned, and why; and the opposite.
func TestRefusedBans(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := memory()
		defer m.Close()
		try := func(q Request, want error) {
			t.Helper()
			if err := m.Ban(q); !errors.Is(err, want) {
				t.Errorf("got %v, want %v", err, want)
			}
			if _, banned := m.Banned(q.Key, q.Shop, time.Now()); banned != (want == nil) {
				t.Errorf("banned is %t, but the answer was %v", banned, want)
			}
		}
		over, ever, odd := request("c", ban.ByLimit, -time.Second), request("c", ban.Manual, 2*maxLife), request("c", 200, time.Minute)
		try(over, ErrInvalid)
		try(ever, ErrInvalid)
		try(odd, ErrInvalid)
		m.Protect(sample.Key("net of a"), time.Now())
		if !m.Protected(sample.Key("net of a"), time.Now()) || m.Protected(sample.Key("net of b"), time.Now()) {
			t.Error("customers came from the net of a, and from no other")
		}
		try(request("a", ban.ByLimit, time.Minute), ErrProtected)
		try(request("b", ban.ByLimit, time.Minute), nil) // control: no customers came
		time.Sleep(4 * time.Minute)
		m.Protect(sample.Key("net of a"), time.Now())
		time.Sleep(4 * time.Minute)
		try(request("a", ban.ByLimit, time.Minute), ErrProtected)
		time.Sleep(2 * time.Minute)
		try(request("a", ban.ByLimit, time.Minute), nil)
		m.Protect(sample.Key("net of c"), time.Now())
		try(request("c", ban.Manual, time.Minute), nil)
		none := request("d", ban.ByLimit, time.Minute)
		none.PerMinute = 0
		try(none, ErrCapped)
		if got, want := m.Status().Refused, (Counts{Protected: 2, Capped: 1}); got != want {
			t.Errorf("counted %+v, want %+v", got, want)
		}
	})
}

// TestCap: a shop makes so many bans in a minute, another shop and manual bans go on.
func TestCap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := memory()
		defer m.Close()
		time.Sleep(time.Until(time.Now().Truncate(time.Minute).Add(time.Minute)))
		keys := sample.Keys(300)
		try := func(from int, at shop.ID, cause ban.Cause) (made int) {
			for _, key := range keys[from : from+100] {
				q := request("", cause, time.Hour)
				q.Key, q.At, q.PerMinute = key, at, 30
				if err := m.Ban(q); err == nil {
					made++
				} else if !errors.Is(err, ErrCapped) {
					t.Error(err)
				}
			}
			return made
		}
		if got := try(0, "rosen", ban.ByLimit); got != 30 {
			t.Errorf("in one minute %d bans, want 30", got)
		}
		if got := try(0, "rosen", ban.Manual); got != 100 {
			t.Errorf("%d manual bans, want 100", got)
		}
		if got := try(100, "linden", ban.ByLimit); got != 30 {
			t.Errorf("another shop made %d bans, want 30", got)
		}
		time.Sleep(time.Minute)
		if got := try(200, "rosen", ban.ByLimit); got != 30 {
			t.Errorf("in the next minute %d bans, want 30", got)
		}
	})
}
