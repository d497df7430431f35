package alert

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// A fake is a receiver without a network, so that a test can wait for hours.
type fake struct {
	name  string
	takes grouping
	on    []Kind
	reply func(n int, ctx context.Context) error // of the nth try, from 0; nil: takes all

	mu    sync.Mutex
	tries []try
}

type try struct {
	after    time.Duration // since the test began
	incident []string
	repeated bool
}

// A tally runs Alerts over fakes and counts the outcomes.
type tally struct {
	alerts   *Alerts
	began    time.Time
	mu       sync.Mutex
	outcomes map[string]int
	errors   []string
	accepted []string
}

func run(t *testing.T, deadFile string, open func() []Event, fakes ...*fake) *tally {
	t.Helper()
	c := &tally{began: time.Now(), outcomes: map[string]int{}}
	var receivers []receiver
	for _, f := range fakes {
		r := receiver{name: f.name, takes: f.takes, on: kindsOf(f.on), repeats: f.takes == listed}
		r.try = func(ctx context.Context, m message) (string, error) {
			f.mu.Lock()
			n := len(f.tries)
			one := try{after: time.Since(c.began), repeated: m.repeated}
			for _, e := range m.events {
				one.incident = append(one.incident, e.Incident)
			}
			f.tries = append(f.tries, one)
			f.mu.Unlock()
			if f.reply == nil {
				return "", nil
			}
			return "", f.reply(n, ctx)
		}
		receivers = append(receivers, r)
	}
	c.alerts = start(receivers, deadFile, Hooks{
		Outcome: func(name string, o Outcome, n int, err error) {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.outcomes[name+" "+o.String()] += n
			if err != nil {
				c.errors = append(c.errors, err.Error())
			}
		},
		Accepted: func(incident string, _ time.Time) {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.accepted = append(c.accepted, incident)
		},
		Open: open,
	})
	return c
}

// want compares the outcomes, such as "ops delivered 2, ops merged 5".
func (c *tally) want(t *testing.T, want string) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	var got []string
	for name, n := range c.outcomes {
		got = append(got, fmt.Sprintf("%s %d", name, n))
	}
	slices.Sort(got)
	if text := strings.Join(got, ", "); text != want {
		t.Errorf("outcomes: %s; want %s", text, want)
	}
}

func (c *tally) close(patience time.Duration) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	c.alerts.Close(ctx)
}

var errDown = failure{receiver: "ops", host: "hooks.example", why: "connection refused"}

// TestOnce: a change is told once, whatever how often it is sent, and to those that want it.
func TestOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ops, noc := &fake{name: "ops"}, &fake{name: "noc", on: []Kind{Over}}
		c := run(t, "", nil, ops, noc)
		for range 3 {
			c.alerts.Send(change(1, Opened))
			time.Sleep(time.Hour)
			c.alerts.Send(change(1, Over))
		}
		time.Sleep(time.Hour)
		c.close(time.Second)
		c.want(t, "noc delivered 1, ops delivered 2")
		if !slices.Equal(c.accepted, []string{"incident-1"}) {
			t.Errorf("accepted: %v, want the incident once", c.accepted)
		}
	})
}

// TestFiveBecomeOne: people get at most four messages a minute; Alertmanager a list, and
// PagerDuty each incident for itself.
func TestFiveBecomeOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		chat, am, pd := &fake{name: "chat"}, &fake{name: "am", takes: listed}, &fake{name: "pd", takes: single}
		c := run(t, "", nil, chat, am, pd)
		for i := range 5 { // at once
			c.alerts.Send(change(i, Opened))
		}
		time.Sleep(10 * time.Minute)
		for i := range 7 { // each 5 s
			c.alerts.Send(change(i, Over))
			time.Sleep(5 * time.Second)
		}
		time.Sleep(10 * time.Minute)
		c.close(time.Second)
		c.want(t, "am delivered 12, am merged 5, chat delivered 12, chat merged 8, pd delivered 12")
		var sizes []int
		for _, tried := range chat.tries {
			sizes = append(sizes, len(tried.incident))
		}
		if want := []int{5, 1, 1, 1, 1, 3}; !slices.Equal(sizes, want) {
			t.Errorf("messages to people tell of %v changes, want %v", sizes, want)
		}
		if last := chat.tries[5].after - chat.tries[1].after; last < time.Minute || last > 65*time.Second {
			t.Errorf("the fifth message in a row comes after %v, want a minute", last)
		}
		if first := chat.tries[0].after; first > time.Second {
			t.Errorf("the first message comes after %v", first)
		}
	})
}

// TestRetry: four tries in ten minutes, ever longer apart, and then a dead letter; the second
// try that works is enough.
func TestRetry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		down := &fake{name: "down", reply: func(int, context.Context) error { return errDown }}
		up := &fake{name: "up", reply: func(n int, _ context.Context) error {
			if n == 0 {
				return errDown
			}
			return nil
		}}
		file := filepath.Join(t.TempDir(), "dead.jsonl")
		c := run(t, file, nil, down, up)
		c.alerts.Send(opened())
		time.Sleep(time.Second)
		if waits := c.alerts.Status()[0]; waits.Waiting != 1 || waits.Last != Retried {
			t.Errorf("after the first try: %+v", waits)
		}
		time.Sleep(time.Hour)
		c.close(time.Second)
		c.want(t, "down dead 1, down retried 3, up delivered 1, up retried 1")
		for i, want := range []Status{
			{Name: "down", On: kindsOf(nil), Dead: 1, Last: Dead, At: c.began.Add(down.tries[3].after), Why: errDown.Error()},
			{Name: "up", On: kindsOf(nil), Delivered: 1, Last: Delivered, At: c.began.Add(up.tries[1].after)},
		} {
			if got := c.alerts.Status()[i]; !reflect.DeepEqual(got, want) {
				t.Errorf("status %+v, want %+v", got, want)
			}
		}
		for i, bounds := range [][2]time.Duration{{3 * time.Second, 7 * time.Second}, {21 * time.Second, 39 * time.Second}, {2 * time.Minute, 4 * time.Minute}} {
			if wait := down.tries[i+1].after - down.tries[i].after; wait < bounds[0] || wait > bounds[1] {
				t.Errorf("try %d comes %v after the one before, want %v", i+2, wait, bounds)
			}
		}
		letters := deadIn(t, file)
		if len(letters) != 1 || letters[0].Receiver != "down" || letters[0].Why != errDown.Error() || letters[0].Alerts[0].ID != opened().ID {
			t.Errorf("dead letters: %+v", letters)
		}
		if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("the file of dead letters: %v, %v", info.Mode(), err)
		}
	})
}

// TestRetryAfter: a receiver says when; beyond ten minutes it is not waited for. What is
// refused for good is not tried again.
func TestRetryAfter(t *testing.T) {
	for name, step := range map[string]struct {
		reply failure
		tries int
		apart time.Duration
	}{
		"in two minutes": {failure{after: 2 * time.Minute}, maxTries, 2 * time.Minute},
		"in an hour":     {failure{after: time.Hour}, 1, 0},
		"never":          {failure{final: true, after: time.Minute}, 1, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := &fake{name: "ops", reply: func(int, context.Context) error { return step.reply }}
				c := run(t, "", nil, f)
				c.alerts.Send(opened())
				time.Sleep(2 * time.Hour)
				c.close(time.Second)
				if len(f.tries) != step.tries {
					t.Fatalf("%d tries, want %d", len(f.tries), step.tries)
				}
				for i := 1; i < len(f.tries); i++ {
					if apart := f.tries[i].after - f.tries[i-1].after; apart != step.apart {
						t.Errorf("%v between two tries, want %v", apart, step.apart)
					}
				}
			})
		})
	}
}

// TestHanging: a receiver that hangs delays neither Send nor another receiver; what its queue
// has no room for is dropped and counted, and what it holds when Close's time is over is dead.
func TestHanging(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hangs := &fake{name: "hangs", takes: listed, reply: func(_ int, ctx context.Context) error {
			<-ctx.Done()
			return errors.New("cancelled")
		}}
		works := &fake{name: "works", takes: single}
		file := filepath.Join(t.TempDir(), "dead.jsonl")
		c := run(t, file, nil, hangs, works)
		c.alerts.Send(change(0, Opened))
		time.Sleep(time.Second) // it is with the receiver now
		before := time.Now()
		for i := range queueSize + 44 {
			c.alerts.Send(change(1+i, Opened))
			if i == 100 {
				time.Sleep(time.Second)
				before = before.Add(time.Second)
			}
		}
		if waited := time.Since(before); waited > 0 {
			t.Errorf("Send waited %v", waited)
		}
		time.Sleep(time.Minute)
		before = time.Now()
		c.close(10 * time.Second)
		if took := time.Since(before); took != 10*time.Second {
			t.Errorf("Close took %v, want its ten seconds", took)
		}
		c.alerts.Send(change(999, Opened))
		c.want(t, "hangs dead 257, hangs dropped 45, hangs merged 256, works delivered 301, works dropped 1")
		if n := len(deadIn(t, file)); n != 2 {
			t.Errorf("%d dead letters, want 2", n)
		}
	})
}

// TestClose: what waits for its next try, or for others, is tried once more.
func TestClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		comesBack := &fake{name: "back", reply: func(n int, _ context.Context) error {
			if n == 0 {
				return errDown
			}
			return nil
		}}
		down := &fake{name: "down", reply: func(int, context.Context) error { return errDown }}
		c := run(t, "", nil, comesBack, down)
		c.alerts.Send(change(1, Opened))
		time.Sleep(time.Second) // both have failed, and wait
		c.alerts.Send(change(2, Opened))
		before := time.Now()
		c.close(time.Minute)
		if took := time.Since(before); took > 0 {
			t.Errorf("Close took %v", took)
		}
		c.want(t, "back delivered 2, back retried 1, down dead 2, down retried 1")
		c.close(time.Minute) // does nothing
	})
}

// TestRepeat: Alertmanager is told once a minute what is open, others are not; what fails is
// no dead letter.
func TestRepeat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var lead atomic.Pointer[[]Event]
		lead.Store(new([]Event))
		am := &fake{name: "am", takes: listed, reply: func(n int, _ context.Context) error {
			if n == 3 {
				return errDown
			}
			return nil
		}}
		chat := &fake{name: "chat"}
		c := run(t, "", func() []Event { return *lead.Load() }, am, chat)
		c.alerts.Send(change(1, Opened))
		lead.Store(&[]Event{change(1, Opened), change(2, Opened)}) // another edge told of the second
		time.Sleep(5*time.Minute + time.Second)
		lead.Store(new([]Event)) // this edge does not lead any more
		time.Sleep(5 * time.Minute)
		c.close(time.Second)
		c.want(t, "am delivered 1, am retried 2, chat delivered 1")
		if len(am.tries) != 6 || am.tries[0].repeated || !am.tries[5].repeated || len(am.tries[5].incident) != 2 {
			t.Errorf("Alertmanager got %+v, want one alert and five repetitions of two", am.tries)
		}
		if !slices.Contains(c.accepted, "incident-2") {
			t.Errorf("accepted: %v, want the second incident among them", c.accepted)
		}
	})
}

// TestDeadLettersAreBounded: the file is renamed once, and both stay below the bound.
func TestDeadLettersAreBounded(t *testing.T) {
	file := filepath.Join(t.TempDir(), "dead.jsonl")
	d := deadLetters{file: file, most: 10_000}
	for range 100 {
		if err := d.write(deadLetter{Receiver: "ops", Alerts: []record{recordOf(opened())}}); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{file, file + ".old"} {
		if info, err := os.Stat(name); err != nil || info.Size() > d.most || info.Size() < 1000 {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
	d.file = filepath.Join(t.TempDir(), "missing", "dead.jsonl")
	if err := d.write(deadLetter{}); err == nil {
		t.Error("a file that cannot be made is no error")
	}
}

// deadIn reads a file of dead letters.
func deadIn(t *testing.T, file string) (letters []deadLetter) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		var read struct {
			deadLetter
			Alerts []struct{ ID string } `json:"alerts"`
		}
		if err := json.Unmarshal([]byte(line), &read); err != nil {
			t.Fatal(err)
		}
		for _, a := range read.Alerts {
			read.deadLetter.Alerts = append(read.deadLetter.Alerts, record{ID: a.ID})
		}
		letters = append(letters, read.deadLetter)
	}
	return letters
}
