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
		"little at shops that suffer":      {shops: []int{0, 1, 2}, apart: 600, sec: func(int) Second { return bare(Page, 4, 40).with(func(s *Second) { s.Bad = 4 }) }},
		"much at shops that suffer":        {shops: []int{0, 1, 2}, apart: 600, sec: func(int) Second { return bare(Page, 8, 80).with(func(s *Second) { s.Bad = 8 }) }, want: shop.Raised},
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
		if got, want := p.Apply(f.set).Sum, f.set.Sum/2; got != want {
			t.Errorf("%s: sum %v, want %v", name, got, want)
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

// TestCarpet: floods that are too small for each shop are seen where they begin together. All shops
// are at level 1 then, and those that suffer go to level 2.
func TestCarpet(t *testing.T) {
	small := bare(Page, 3, 30)
	hurts := small.with(func(s *Second) { s.Bad = 2 }) // whatever is done about it
	for name, c := range map[string]struct {
		shops, apart int
		sec          Second
		carpet       bool
		want         shop.Level // of the shops themselves
	}{
		"three shops together":          {3, 0, small, true, shop.Calm},
		"twenty shops together":         {20, 5, small, true, shop.Calm},
		"three shops, and they suffer":  {3, 0, hurts, true, shop.Siege},
		"two shops together":            {2, 0, small, false, shop.Calm},
		"scrapers at one time":          {6, 200, small, false, shop.Calm},
		"people at five shops at once":  {5, 0, people(1), false, shop.Calm},
		"crawlers at five":              {5, 0, bare(Page, 3, 3), false, shop.Calm},
		"crawlers at five, that suffer": {5, 0, bare(Page, 3, 3).with(func(s *Second) { s.Bad = 2 }), false, shop.Raised},
	} {
		f := newFleet(c.shops)
		var top shop.Level
		var p Posture
		for s := range 60 + c.shops*c.apart + 60 {
			var level shop.Level
			p, level = f.second(func(i int) Second {
				if s >= i*c.apart {
					return c.sec
				}
				return Second{}
			})
			top = max(top, level)
		}
		if p.Carpet != c.carpet || (p.Least == shop.Raised) != c.carpet || top != c.want {
			t.Errorf("%s: carpet %v, all shops at least at %v, the highest %v; want %v, %v", name, p.Carpet, p.Least, top, c.carpet, c.want)
		}
		if got := p.Apply(f.set).Sum; c.want < shop.Attack && got != f.set.Sum {
			t.Errorf("%s: sum %v, want it as ever: nobody is harmed", name, got)
		}
		if p := f.campaign.Posture(f.now + f.set.Hold[shop.Raised]); p.Carpet {
			t.Errorf("%s: still a carpet half an hour after the last sign", name)
		}
	}
}

// TestCarpetResumed: what an edge hears of its own carpet is no campaign.
func TestCarpetResumed(t *testing.T) {
	f := newFleet(3)
	for range 120 {
		f.second(func(int) Second { return bare(Page, 3, 30) })
	}
	p := f.campaign.Posture(f.now)
	var other Campaign
	other.Resume(p)
	for _, c := range []struct {
		name     string
		edge     *Campaign
		heard    Posture
		campaign bool
	}{
		{"the edge that sees it, by a clock that is ahead", &f.campaign, Posture{Until: p.Until + 5}, false},
		{"another edge", &other, p, false},
		{"a campaign besides it", &other, Posture{Until: p.Until + 86400}, true},
		{"a campaign without it", &Campaign{}, Posture{Until: p.Until}, true},
	} {
		c.edge.Resume(c.heard)
		got := c.edge.Posture(f.now)
		if got.Least != shop.Raised || got.Campaign != c.campaign || got.Apply(f.set).Sum < f.set.Sum != c.campaign {
			t.Errorf("%s: %+v, want a campaign: %v", c.name, got, c.campaign)
		}
	}
}

// TestCarpetThatHurts: shops that suffer from a carpet do not wait until their own sums tell.
func TestCarpetThatHurts(t *testing.T) {
	hurts := bare(Page, 2, 30).with(func(s *Second) { s.Bad = 2 })
	for seen, want := range map[bool]Why{true: WhyCarpet, false: WhyNothing} {
		set := Posture{Carpet: seen}.Apply(Defaults())
		var st State
		calm := bare(Page, 2, 30)
		now := begin
		for range 70 {
			now++
			st.Step(now, &calm, smallShop(), &set)
		}
		now++
		st.Step(now, &hurts, smallShop(), &set)
		now++
		if v := st.Step(now, &hurts, smallShop(), &set); v.Why != want {
			t.Errorf("carpet %v, in the first seconds of suffering: because of %v, want %v", seen, v.Why, want)
		}
	}
}
