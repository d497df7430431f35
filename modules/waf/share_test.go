package waf

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/theriac-edge/theriac/counters"
	"github.com/theriac-edge/theriac/shop"
)

// TestShareOfTime: while the shop is short of time, the client that has used it up is
// refused, and its subnet if that has; others are not, nor those that somebody vouches for.
func TestShareOfTime(t *testing.T) {
	client := func(client, subnet string, trust shop.Trust) *shop.Visit {
		v := &shop.Visit{Shop: "loewen", Start: time.Now(), Trust: trust}
		copy(v.Client[:], client)
		copy(v.Subnet[:], subnet)
		return v
	}
	within := func(site string, v *shop.Visit) *shop.Visit {
		copy(v.Site[:], site)
		return v
	}
	clients := func(n int, site string) (all []*shop.Visit) { // each in a subnet of its own
		for i := range n {
			all = append(all, within(site, client(fmt.Sprint("client ", i), fmt.Sprint("net ", i), shop.Unknown)))
		}
		return all
	}
	dear := 600 * time.Millisecond // more than a client's share
	for _, c := range []struct {
		about   string
		spends  []*shop.Visit
		leaves  time.Duration // of a second
		comes   *shop.Visit
		refused bool
	}{
		{"the one that spent it", []*shop.Visit{client("a", "net", shop.Unknown)}, 400 * time.Millisecond, client("a", "net", shop.Unknown), true},
		{"the same with enough time left", []*shop.Visit{client("a", "net", shop.Unknown)}, 600 * time.Millisecond, client("a", "net", shop.Unknown), false},
		{"its neighbour", []*shop.Visit{client("a", "net", shop.Unknown)}, 0, client("b", "net", shop.Unknown), false},
		{"another shop's customer", []*shop.Visit{client("a", "net", shop.Unknown)}, 0, client("c", "other", shop.Unknown), false},
		{
			"the neighbour of four",
			[]*shop.Visit{client("a", "net", shop.Unknown), client("b", "net", shop.Unknown), client("c", "net", shop.Unknown), client("d", "net", shop.Unknown)},
			0, client("e", "net", shop.Unknown), true,
		},
		{
			"the /48 of sixteen", clients(16, "2001:db8::/48"), 0, within("2001:db8::/48", client("x", "another net", shop.Unknown)), true,
		},
		{
			"another /48", clients(16, "2001:db8::/48"), 0, within("2001:db8:1::/48", client("x", "another net", shop.Unknown)), false,
		},
		{
			"IPv4, which has no /48", clients(16, ""), 0, client("x", "another net", shop.Unknown), false,
		},
		{"one that has cost more than pages", []*shop.Visit{client("a", "net", shop.Unknown)}, 300 * time.Millisecond, client("a", "net", shop.Unknown), true},
		{"a customer at the same address", []*shop.Visit{client("a", "net", shop.Unknown)}, 0, client("a", "net", shop.Passed), false},
		{"what customers spend", []*shop.Visit{client("a", "net", shop.Passed)}, 0, client("a", "net", shop.Unknown), false},
	} {
		h := &Handler{Shop: "loewen", store: counters.NewMemory(1 << 20), budget: newBudget(2, caddy.Duration(500*time.Millisecond))}
		for _, v := range c.spends {
			h.charge(v, dear)
		}
		h.budget.spend(time.Second - c.leaves)
		if found, _ := h.overspent(c.comes, 0); (found != nil) != c.refused {
			t.Errorf("%s: refused %t, want %t", c.about, found != nil, c.refused)
		}
	}
}

// TestCustomersHaveSlotsLeft: strangers take no more than a quarter of the slots.
func TestCustomersHaveSlotsLeft(t *testing.T) {
	b := newBudget(12, caddy.Duration(time.Second))
	stranger, customer := &shop.Visit{Trust: shop.Unknown}, &shop.Visit{Trust: shop.Passed}
	for range 3 {
		if _, ok := b.admit(t.Context(), stranger, false); !ok {
			t.Fatal("a stranger gets none of three free slots")
		}
	}
	if release, ok := b.admit(t.Context(), customer, false); !ok {
		t.Error("a customer gets no slot")
	} else {
		release()
	}
	if len(b.slots) != 3 || len(b.strangers) != 3 {
		t.Errorf("%d slots are taken, %d by strangers, want 3", len(b.slots), len(b.strangers))
	}
}

// TestSpendersAreRefusedFirst: of many clients within their shares, those that cost more than
// pages do are refused while the shop is very short of time, and those that send more text
// than anybody needs. All others are let in, and the spenders again when there is time.
func TestSpendersAreRefusedFirst(t *testing.T) {
	h := &Handler{Shop: "loewen", store: counters.NewMemory(1 << 20), budget: newBudget(8, caddy.Duration(500*time.Millisecond))}
	of := func(client byte) *shop.Visit {
		return &shop.Visit{Shop: "loewen", Start: time.Now(), Client: [16]byte{client}, Subnet: [16]byte{client, 1}}
	}
	h.charge(of(1), 200*time.Millisecond)
	for range 150 {
		h.charge(of(2), 400*time.Microsecond) // a large page
	}
	for _, c := range []struct {
		about   string
		left    time.Duration // of a second
		client  byte
		text    int64
		refused bool
		spender bool
	}{
		{"one dear form", 200 * time.Millisecond, 1, 0, true, true},
		{"the same with more time left", 300 * time.Millisecond, 1, 0, false, true},
		{"a page of 150 files", 0, 2, 0, false, false},
		{"nothing yet", 0, 3, dearText, false, false},
		{"too much text", 0, 3, dearText + 1, true, true},
		{"too much text with more time left", 300 * time.Millisecond, 3, dearText + 1, false, true},
	} {
		h.budget = newBudget(8, caddy.Duration(500*time.Millisecond))
		h.budget.spend(time.Second - c.left)
		found, spender := h.overspent(of(c.client), c.text)
		if (found != nil) != c.refused || spender != c.spender {
			t.Errorf("%s: refused %t, a spender %t; want %t, %t", c.about, found != nil, spender, c.refused, c.spender)
		}
		if found != nil && found.status != 503 {
			t.Errorf("%s: status %d", c.about, found.status)
		}
	}
	spender := of(1)
	if _, ok := h.budget.admit(t.Context(), spender, true); !ok {
		t.Fatal("a spender gets no free slot")
	}
	if release, ok := h.budget.admit(t.Context(), of(3), false); !ok {
		t.Error("a stranger waits behind spenders")
	} else {
		release()
	}
}

// TestBodiesOfStrangersHaveAPart: from level 2 on bodies of strangers are refused when they
// have used up the level's part of the shop's time. Pages, customers and notifications are
// not, nor is anybody at level 1, or where the level leaves strangers all of it.
func TestBodiesOfStrangersHaveAPart(t *testing.T) {
	whole := shop.Table(shop.DefaultMeasures)
	for level := range whole {
		whole[level].Firewall = 100
	}
	for what, c := range map[string]struct {
		level  shop.Level
		class  shop.Class
		trust  shop.Trust
		length int64
		table  shop.Table
		want   bool // refused
	}{
		"a stranger's form":            {shop.Attack, shop.Checkout, shop.Unknown, 10, shop.DefaultMeasures, true},
		"one of unknown length":        {shop.Siege, shop.API, shop.Unknown, -1, shop.DefaultMeasures, true},
		"a stranger's page":            {shop.Attack, shop.Page, shop.Unknown, 0, shop.DefaultMeasures, false},
		"a customer's form":            {shop.Attack, shop.Checkout, shop.Passed, 10, shop.DefaultMeasures, false},
		"a notification":               {shop.Attack, shop.Callback, shop.Unknown, 10, shop.DefaultMeasures, false},
		"a stranger's form at level 1": {shop.Raised, shop.Checkout, shop.Unknown, 10, shop.DefaultMeasures, false},
		"where all of it is left":      {shop.Attack, shop.Checkout, shop.Unknown, 10, whole, false},
	} {
		h := &Handler{budget: newBudget(8, caddy.Duration(500*time.Millisecond))}
		h.budget.divide(&c.table)
		v := &shop.Visit{Class: c.class, Trust: c.trust, Level: c.level}
		reserve(h.budget.dear[c.level], 300*time.Millisecond) // of a second at once
		if got := isStrangersBody(&http.Request{ContentLength: c.length}, v) && h.isDivided(v); got != c.want {
			t.Errorf("%s: refused %t, want %t", what, got, c.want)
		}
	}
}
