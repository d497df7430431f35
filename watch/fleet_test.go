package watch_test

import (
	"strconv"

	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/watch"
)

// fleet is all shops of a host in the same time, so that what several of them see is one
// campaign.
type fleet struct {
	shops    []*loop
	days     []diary
	coupled  bool // false: each shop for itself
	campaign watch.Campaign
	posture  watch.Posture

	begun     []int64 // campaigns
	seconds   float64 // in posture, for a campaign or a carpet
	carpets   float64 // seconds in which one is seen
	carpeted  int64   // the first of them
	seesAlone int     // the most shops that saw one at the same time
}

// together is how many seconds the shops go before they look at each other. The edges need one
// or two.
const together = 5

// newFleet makes shops that have learned for some days, each for itself.
func newFleet(shops int, days int64) *fleet {
	all := sizes()
	return &fleet{coupled: true, days: make([]diary, shops), shops: sideBySide(shops, func(i int) *loop {
		l := newLoop(*seedFlag*1000+uint64(i), all[i%len(all)])
		l.until(days * day)
		return l
	})}
}

func (f *fleet) now() int64 { return f.shops[0].now }

// sighted is a verdict that counts for a campaign.
type sighted struct {
	second int64
	watch.Verdict
}

// run goes to this second; each sees every second that was not quiet.
func (f *fleet) run(end int64, each func(i int, l *loop, was shop.Level)) {
	for f.now() < end {
		seen := sideBySide(len(f.shops), func(i int) (seen []sighted) {
			l := f.shops[i]
			l.posture = f.posture
			for until := min(end, l.now+together); l.now < until; {
				f.days[i].turn(l)
				was := l.verdict.Level
				if _, quiet := l.step(); quiet {
					continue
				}
				if v := l.verdict; v.Carpet > 0 || v.Need >= shop.Attack {
					seen = append(seen, sighted{l.now - 1, v})
				}
				if each != nil {
					each(i, l, was)
				}
			}
			return seen
		})
		if f.coupled {
			f.look(seen, min(end, f.now()))
		}
	}
}

// look lets the campaign take in the seconds up to now.
func (f *fleet) look(seen [][]sighted, now int64) {
	settings := watch.Defaults()
	for second := now - together; second < now; second++ {
		alone := 0
		for i, s := range seen {
			for _, v := range s {
				if v.second == second {
					f.campaign.Note(second, shop.ID(strconv.Itoa(i)), &v.Verdict, &settings)
					if v.Carpet > 0 {
						alone++
					}
				}
			}
		}
		f.seesAlone = max(f.seesAlone, alone)
		was := f.posture
		f.posture = f.campaign.Posture(second)
		if f.posture.Least > shop.Calm {
			f.seconds++
		}
		if f.posture.Campaign && !was.Campaign {
			f.begun = append(f.begun, second)
		}
		if f.posture.Carpet {
			f.carpets++
			if f.carpeted == 0 {
				f.carpeted = second
			}
		}
	}
}

// forget ends all campaigns, levels and counts.
func (f *fleet) forget() {
	*f = fleet{shops: f.shops, days: make([]diary, len(f.shops)), coupled: f.coupled}
	for _, l := range f.shops {
		l.forget()
		l.posture, l.bots, l.crowds = watch.Posture{}, nil, nil
		l.pages, l.asked, l.hurt = 0, 0, 0
	}
}
