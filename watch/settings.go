package watch

// Settings are the constants of the rule. Rates are per second and for one shop.
type Settings struct {
	// Floor is how many strangers a shop in good health bears of each stream, however few are
	// usual: small shops see so few visitors that ten times the usual hurts nobody.
	Floor [Streams]float64

	// Multiple is how many times the usual strangers are allowed in good health.
	Multiple float64

	// BornePart of the most requests that the shop has answered in good health is allowed as
	// well, up to MostFloors times the floor.
	BornePart  float64
	MostFloors float64

	// Sum is how many strangers above the allowance add up, until level 1.
	Sum float64

	// The same while the shop suffers: less is allowed.
	SickFloor    [Streams]float64
	SickMultiple float64
	SickSum      float64

	// Many is from how many clients in ten seconds beyond the usual a crowd is the shop's matter.
	// Fewer are that of limits of single clients.
	Many     float64
	SickMany float64

	// AssetPart is the part of the usual assets a dynamic request, below which what came in
	// excess loads no pictures. It is known only where at least LeastAssets are usual: other
	// shops have their pictures elsewhere.
	AssetPart   float64
	LeastAssets float64

	// CartPart is the part of the usual share of carts and checkouts, below which what came in
	// excess buys nothing. People look around first, and a TV spot brings many of them at once, so
	// it takes CalmCartSeconds in good health and CartSeconds while the shop suffers.
	CartPart        float64
	CartSeconds     float64
	CalmCartSeconds float64

	// VouchedPart is the share of requests with a stamp or pass, below which clients do not
	// return what they were given. It takes VouchedSeconds, since people read a page first.
	VouchedPart    float64
	VouchedSeconds float64

	// Again is the number of different clients for each stranger in ten seconds, below which they
	// are the same clients again: a browser is a stranger once. It counts only at shops with
	// pictures elsewhere, and is low: people behind a carrier's NAT share addresses.
	Again float64

	// Strong is how many times the usual strangers take the blame for a shop that suffers.
	Strong float64

	// Patience is how many seconds a shop suffers from strangers, whatever they look like, before
	// they are asked for work; a flood counts its rate ÷ FloodRate seconds in each.
	// PeoplePatience is the same for a crowd that loads pictures and fills carts as usual: a
	// challenge does not help against people.
	Patience       float64
	PeoplePatience float64
	FloodRate      float64

	// Collected is how many seconds visitors with stamps hurt a shop before they are asked.
	Collected float64

	// Memory is for how many seconds a long excess is looked back on, at least. After half of it,
	// Jump times the mean begins anew: a flood must not hide behind a newsletter that began an
	// hour earlier.
	Memory float64
	Jump   float64

	// Settle is how many seconds a level gets to show what it does, before the next one. What was
	// let through less than Reach seconds after it rose does not count: some edges did not know.
	Settle int64
	Reach  int64

	// Hold is how many seconds each level lasts without a sign of attack. From level 2 on it
	// doubles with each relapse within Relapse seconds, up to MostHold.
	Hold     [5]int64
	Relapse  int64
	MostHold int64

	// CampaignShops are how many shops make a campaign, if bots come to all of them for the same
	// stream within CampaignWithin seconds. It lasts CampaignHold seconds; all shops are at
	// level 1 then, and Sum is multiplied by CampaignSum: an attack is seen sooner, and what a shop
	// is allowed stays the same.
	CampaignShops  int
	CampaignWithin int64
	CampaignHold   int64
	CampaignSum    float64

	// CarpetWithin are the seconds within which bots begin at CampaignShops shops, if it is a
	// carpet: floods of many shops, each too small for the shop's own allowance. Scrapers come to
	// several shops at the same time, but do not begin together.
	CarpetWithin int64

	// CarpetFloor, CarpetMultiple and CarpetSum are the allowance and the sum of all streams
	// together, by which a carpet is seen.
	CarpetFloor    float64
	CarpetMultiple float64
	CarpetSum      float64

	carpet bool // CampaignShops shops or more see one now
}

// Defaults are the constants that were simulated, see docs/design/watch.md.
func Defaults() Settings {
	return Settings{
		Floor: [Streams]float64{Page: 5, Search: 2.5, Account: 2, Order: 3}, Multiple: 3, BornePart: 0.25, MostFloors: 10, Sum: 30,
		SickFloor: [Streams]float64{Page: 1, Search: 0.5, Account: 0.5, Order: 1}, SickMultiple: 1.5, SickSum: 15,
		Many: 20, SickMany: 12,
		AssetPart: 0.3, LeastAssets: 1.5, CartPart: 0.25, CartSeconds: 45, CalmCartSeconds: 180, VouchedPart: 0.25, VouchedSeconds: 30, Again: 0.15,
		Strong: 3, Patience: 8, PeoplePatience: 60, FloodRate: 50, Collected: 10, Memory: 120, Jump: 3, Settle: 5, Reach: 3,
		Hold: [5]int64{0, 1800, 600, 300, 300}, Relapse: 86400, MostHold: 7200,
		CampaignShops: 3, CampaignWithin: 3600, CampaignHold: 72 * 3600, CampaignSum: 0.5,
		CarpetWithin: 120, CarpetFloor: 1, CarpetMultiple: 2, CarpetSum: 60,
	}
}

// Share returns the settings of one of so many edges that cannot add up: each sees its share
// only. Floors do not fall below those of a shop that suffers. Expected.Share belongs to it.
func (s Settings) Share(edges int) Settings {
	for j := range s.Floor {
		s.Floor[j] = max(s.Floor[j]/float64(max(edges, 1)), min(s.SickFloor[j], s.Floor[j]))
	}
	return s
}

// allowance is what is allowed of a stream, and from which sum on that was exceeded.
func (s *Settings) allowance(stream int, usual *Expected, sick bool) (k, h float64) {
	floor, multiple, sum := s.Floor[stream], s.Multiple, s.Sum
	if sick {
		floor, multiple, sum = s.SickFloor[stream], s.SickMultiple, s.SickSum
	} else if s.Floor[Page] > 0 {
		borne := s.BornePart * usual.Borne * floor / s.Floor[Page]
		floor = max(floor, min(borne, s.MostFloors*floor))
	}
	k = max(floor, multiple*usual.announced()*usual.Strangers[stream])
	return k, max(sum, 2*k)
}
