package waf

import (
	"context"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/theriac-edge/theriac/shop"
)

func admitted(b *budget, v *shop.Visit) bool {
	release, ok := b.admit(context.Background(), v, false)
	if ok {
		release()
	}
	return ok
}

// TestBudgetHolds: a shop over its time gets no more of it, orders may go over
// it, partners are always let in, and all come back with time.
func TestBudgetHolds(t *testing.T) {
	page, order, partner := &shop.Visit{Class: shop.Page}, &shop.Visit{Class: shop.Checkout}, &shop.Visit{Partner: new(shop.Partner)}
	synctest.Test(t, func(t *testing.T) {
		b := newBudget(2, caddy.Duration(500*time.Millisecond)) // 1 s at once
		for _, step := range []struct {
			wait, spend          time.Duration
			page, order, partner bool
		}{
			{0, 0, true, true, true},
			{0, 900 * time.Millisecond, true, true, true},
			{0, 200 * time.Millisecond, false, true, true},        // 0.1 s over
			{0, 1800 * time.Millisecond, false, true, true},       // 1.9 s
			{0, 200 * time.Millisecond, false, false, true},       // 2.1 s
			{400 * time.Millisecond, 0, false, true, true},        // 1.9 s
			{3 * time.Second, 0, false, true, true},               // 0.4 s
			{900 * time.Millisecond, 0, true, true, true},         // back
			{time.Hour, 990 * time.Millisecond, true, true, true}, // an hour of quiet saves no more than 1 s
			{0, 20 * time.Millisecond, false, true, true},
			{0, time.Hour, false, false, true},
		} {
			time.Sleep(step.wait)
			b.spend(step.spend)
			if got := [3]bool{admitted(b, page), admitted(b, order), admitted(b, partner)}; got != [3]bool{step.page, step.order, step.partner} {
				t.Errorf("after %s, with %.0f ms left: %v for a page, an order and a partner; want %t, %t, %t",
					step.wait, b.time.Tokens()/1000, got, step.page, step.order, step.partner)
			}
		}
	})
}

// TestNotificationsHaveNoPrivilege: their address proves nothing, so what claims to be one
// gets no more of the shop's time than a page does.
func TestNotificationsHaveNoPrivilege(t *testing.T) {
	wait, overdraft := patience(&shop.Visit{Class: shop.Page})
	for _, class := range []shop.Class{shop.Callback, shop.Public} {
		if w, o := patience(&shop.Visit{Class: class}); w != wait || o != overdraft {
			t.Errorf("%s waits %s and overdraws %v, a page %s and %v", class, w, o, wait, overdraft)
		}
		if w, _ := patience(&shop.Visit{Class: class, Partner: new(shop.Partner)}); w <= wait {
			t.Errorf("%s of a partner waits %s", class, w)
		}
	}
	if w, o := patience(&shop.Visit{Class: shop.Checkout}); w <= wait || o >= overdraft {
		t.Errorf("an order waits %s and overdraws %v", w, o)
	}
}

// TestBudgetSlots: so many run at a time; a waiting request gets the next slot, if it
// comes in time, he is still there and something is left.
func TestBudgetSlots(t *testing.T) {
	page, order := &shop.Visit{Class: shop.Page}, &shop.Visit{Class: shop.Checkout}
	gone, leave := context.WithCancel(t.Context())
	leave()
	for _, c := range []struct {
		name  string
		visit *shop.Visit
		ctx   context.Context
		busy  time.Duration // how long the only slot is taken
		spent time.Duration
		want  bool
		waits time.Duration
	}{
		{"a page", page, t.Context(), time.Second, time.Second, true, time.Second},
		{"a page that waits too long", page, t.Context(), time.Minute, 0, false, 2 * time.Second},
		{"a page whose visitor left", page, gone, time.Second, 0, false, 0},
		{"a page behind one that used all", page, t.Context(), time.Second, 3 * time.Second, false, time.Second},
		{"an order", order, t.Context(), 4 * time.Second, 3 * time.Second, true, 4 * time.Second},
		{"an order that waits too long", order, t.Context(), time.Minute, 0, false, 5 * time.Second},
	} {
		synctest.Test(t, func(t *testing.T) {
			b := newBudget(1, caddy.Duration(time.Second))
			release, ok := b.admit(context.Background(), page, false)
			if !ok {
				t.Fatalf("%s: the first one is not let in", c.name)
			}
			go func() {
				time.Sleep(c.busy)
				b.spend(c.spent)
				release()
			}()
			began := time.Now()
			ctx := context.Background()
			if c.ctx == gone {
				ctx = gone
			}
			second, ok := b.admit(ctx, c.visit, false)
			if waited := time.Since(began); ok != c.want || waited != c.waits {
				t.Errorf("%s: let in %t after %s, want %t after %s", c.name, ok, waited, c.want, c.waits)
			}
			if ok {
				second()
			}
			time.Sleep(c.busy)
			synctest.Wait()
			if len(b.slots) != 0 {
				t.Errorf("%s: %d slots are still taken", c.name, len(b.slots))
			}
		})
	}
}

// TestBudgetDefaults: half of the machine, and four at a time for each core.
func TestBudgetDefaults(t *testing.T) {
	h := new(Handler)
	h.fillDefaults()
	cores := runtime.GOMAXPROCS(0)
	if got, want := time.Duration(h.Time), time.Second*time.Duration(cores)/2; got != want || h.Concurrency != 4*cores {
		t.Errorf("%s and %d at a time, want %s and %d", got, h.Concurrency, want, 4*cores)
	}
}
