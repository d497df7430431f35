package watch

import "github.com/theriac-edge/theriac/shop"

// Campaign sees attacks on several shops as one. The zero value has seen none.
type Campaign struct {
	attacks [Streams]sightings
	carpets sightings
	stream  Stream
	until   int64
	carpet  int64 // until then, 0 if none was seen
}

// Posture is what all shops have to be prepared for.
type Posture struct {
	Least    shop.Level // of all shops
	Until    int64      // that long, 0 if there is nothing
	Campaign bool       // bots came to several shops
	Stream   Stream     // of the campaign
	Carpet   bool       // there is a carpet, or was one within the hold of level 1
}

// Note takes in the verdict of a shop. Volume does not count, since it happens to shops all the
// time: only many clients that are unlike browsers do. Neither do empty carts, since TV spots bring
// people that look around to several shops at once. Nor does what a shop in health would bear:
// scrapers that visit all shops find some that suffer.
func (c *Campaign) Note(now int64, id shop.ID, v *Verdict, set *Settings) {
	if v.Need >= shop.Attack && v.Now.Why == WhyUnlike && v.Now.Sign != NoCarts && !v.Borne {
		if c.attacks[v.Now.Stream].note(now, id, v.Now.Onset, set.CampaignWithin, set.CampaignWithin) >= set.CampaignShops {
			c.stream, c.until = v.Now.Stream, now+set.CampaignHold
		}
	}
	if v.Carpet > 0 && c.carpets.note(now, id, v.Carpet, set.CarpetWithin, 2) >= set.CampaignShops {
		c.carpet = now + set.Hold[shop.Raised]
	}
}

// Posture is what follows from all that was noted until now.
func (c *Campaign) Posture(now int64) Posture {
	p := Posture{Campaign: now < c.until, Carpet: now < c.carpet}
	if p.Campaign {
		p.Stream = c.stream
	}
	if p.Campaign || p.Carpet {
		p.Least, p.Until = shop.Raised, max(c.until, c.carpet)
	}
	return p
}

// Resume continues what another edge has seen. That may be the carpet that this edge sees too, by a
// clock that is a little ahead.
func (c *Campaign) Resume(p Posture) {
	const ahead = 60
	switch {
	case p.Carpet && !p.Campaign:
		c.carpet = max(c.carpet, p.Until)
	case p.Until > c.until && (c.carpet == 0 || p.Until > c.carpet+ahead):
		c.stream, c.until = p.Stream, p.Until
	}
}

// Apply returns the settings of shops in this posture. Least is not in them: the caller puts it in
// force beside the levels of the shops.
func (p Posture) Apply(set Settings) Settings {
	if p.Campaign {
		set.Sum *= set.CampaignSum
	}
	set.carpet = p.Carpet
	return set
}

// sightings are the shops at which something was seen last. A few are enough to know that there
// are several.
type sightings [8]struct {
	shop  shop.ID
	onset int64
	seen  int64
}

// note takes in that something that began at onset is seen at a shop, and returns at how many
// shops something began within so many seconds and was seen for the last time not longer ago
// than fresh seconds.
func (s *sightings) note(now int64, id shop.ID, onset, within, fresh int64) (shops int) {
	slot := 0
	for i := range s {
		if s[i].shop == id {
			slot = i
			break
		}
		if s[i].seen < s[slot].seen {
			slot = i
		}
	}
	s[slot].shop, s[slot].onset, s[slot].seen = id, onset, now
	for i := range s {
		apart := max(s[i].onset-onset, onset-s[i].onset)
		if s[i].shop != "" && apart < within && now-s[i].seen < fresh {
			shops++
		}
	}
	return shops
}
