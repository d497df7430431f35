package watch

import (
	"fmt"
	"testing"

	"github.com/theriac-edge/theriac/shop"
)

// fleet are shops under one campaign.
type fleet struct {
	campaign Campaign
	shops    []State
	now      int64
	set      Settings
	usual    *Expected
}

func newFleet(n int) *fleet {
	return &fleet{shops: make([]State, n), now: begin, set: Defaults(), usual: smallShop()}
}

// second steps each shop; of says what comes to it.
func (f *fleet) second(of func(shop int) Second) (p Posture, highest shop.Level) {
	f.now++
	p = f.campaign.Posture(f.now)
	set := p.Apply(f.set)
	for i := range f.shops {
		sec := of(i)
		v := f.shops[i].Step(f.now, &sec, f.usual, &set)
		f.campaign.Note(f.now, shop.ID(fmt.Sprint("shop-", i)), &v, &set)
		highest = max(highest, v.Level)
	}
	return f.campaign.Posture(f.now), highest
}

// TestCampaign: bots at three shops within an hour, for the same, make a campaign.
func TestCampaign(t *testing.T) {
	flood := bare(Page, 200, 150)
	for name, c := range map[string]struct {
		shops []int // one after the other, ten minutes apart
		apart int
		sec   func(shop int) Second
		want  shop.Level
	}{
		"three shops":                      {shops: []int{0, 1, 2}, apart: 600, sec: func(int) Second { return flood }, want: shop.Raised},
		"two shops":                        {shops: []int{0, 1}, apart: 600, sec: func(int) Second { return flood }},
		"one shop three times":             {shops: []int{0, 0, 0}, apart: 600, sec: func(int) Second { return flood }},
		"three shops in three hours":       {shops: []int{0, 1, 2}, apart: 3600, sec: func(int) Second { return flood }},
		"three shops, each in another way": {shops: []int{0, 1, 2}, apart: 600, sec: func(i int) Second { return bare(Stream(i), 200, 150) }},
		"crowds of people at three shops":  {shops: []int{0, 1, 2}, apart: 600, sec: func(int) Second { return people(7) }},
		"crowds that shops suffer from":    {shops: []int{0, 1, 2}, apart: 600, sec: func(int) Second { return people(7).with(func(s *Second) { s.Bad = 30 }) }},
		"crawlers at three shops":          {shops: []int{0, 1, 2}, apart: 600, sec: func(int) Second { return bare(Page, 200, 3) }},
	} {
		f := newFleet(4)
		var p Posture
		for _, target := range c.shops {
			for s := range c.apart {
				p, _ = f.second(func(i int) Second {
					if i == target && s < 60 {
						return c.sec(i)
					}
					return Second{}
				})
			}
		}
		if p.Least != c.want {
			t.Errorf("%s: all shops at least at %v, want %v", name, p.Least, c.want)
		}
		if p.Least == shop.Calm {
			continue
		}
		if lasts := p.Until - f.now; lasts < 71*3600 || lasts > 72*3600 {
			t.Errorf("%s: a posture for %d s, want 72 h", name, lasts)
		}
		if got, want := p.Apply(f.set).Floor[Page], 0.7*f.set.Floor[Page]; got != want {
			t.Errorf("%s: floor %v, want %v", name, got, want)
		}
		var other Campaign
		other.Resume(p)
		if got := other.Posture(p.Until - 1); got.Least != c.want || got.Stream != p.Stream {
			t.Errorf("%s: taken over as %+v", name, got)
		}
		if got := other.Posture(p.Until); got.Least != shop.Calm {
			t.Errorf("%s: does not end: %+v", name, got)
		}
	}
}

// TestCampaignOfMany: a campaign against more shops than are remembered is one as well.
func TestCampaignOfMany(t *testing.T) {
	f := newFleet(100)
	p, _ := f.second(func(int) Second { return bare(Page, 200, 150) })
	if p.Least != shop.Raised {
		t.Errorf("floods at a hundred shops at once: %v", p.Least)
	}
}

// TestCarpet: floods that are too small for each shop are seen where they begin together.
func TestCarpet(t *testing.T) {
	small := bare(Page, 3, 30)
	for name, c := range map[string]struct {
		shops, apart int
		sec          Second
		want         shop.Level
	}{
		"three shops together":         {3, 0, small, shop.Attack},
		"twenty shops together":        {20, 5, small, shop.Attack},
		"two shops together":           {2, 0, small, shop.Calm},
		"scrapers at one time":         {6, 200, small, shop.Calm},
		"people at five shops at once": {5, 0, people(1), shop.Calm},
		"crawlers at five":             {5, 0, bare(Page, 3, 3), shop.Calm},
	} {
		f := newFleet(c.shops)
		var top shop.Level
		for s := range 60 + c.shops*c.apart + 60 {
			_, level := f.second(func(i int) Second {
				if s >= i*c.apart {
					return c.sec
				}
				return Second{}
			})
			top = max(top, level)
		}
		if top != c.want {
			t.Errorf("%s: %v, want %v", name, top, c.want)
		}
		if f.campaign.Posture(f.now + 10).Carpet {
			t.Errorf("%s: still a carpet ten seconds later", name)
		}
	}
}
