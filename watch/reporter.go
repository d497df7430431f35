package watch

import (
	"iter"
	"maps"
	"slices"

	"github.com/theriac-edge/theriac/shop"
)

// Reporter makes the reports of one edge: each second those shops whose counts have changed,
// or whose gauges are not zero, and in turn a sixtieth of the others, so that an edge that
// has come lately knows all of them after a minute. It is for one goroutine.
type Reporter struct {
	report Report // without shops
	told   map[shop.ID]*told
	next   uint64 // turn of the next shop that is new
}

// told is what the last report said of a shop.
type told struct {
	counts Counts
	seq    uint64 // when it was seen last
	turn   uint64
}

// turns is in how many seconds each shop has its turn.
const turns = 60

// NewReporter makes the reports of the edge of that name. boot is to be random.
func NewReporter(node string, boot uint64) *Reporter {
	return &Reporter{report: Report{Boot: boot, Node: node}, told: map[shop.ID]*told{}}
}

// Next returns the messages of one second; one, unless they would be too large. Shops beyond
// MaxShops are left out.
func (r *Reporter) Next(shops iter.Seq2[shop.ID, Counts]) (messages [][]byte) {
	r.report.Seq++
	header := slices.Clip(appendHeader(nil, reportVersion, &r.report))
	message := header
	for id, now := range shops {
		if !r.isDue(id, &now) {
			continue
		}
		if len(message)+maxShop > MaxReport {
			messages = append(messages, message)
			message = header
		}
		message = appendShop(message, id, &now)
	}
	maps.DeleteFunc(r.told, func(_ shop.ID, t *told) bool { return t.seq != r.report.Seq })
	return append(messages, message)
}

// isDue reports whether the others are to be told of a shop now, and takes in that they are.
func (r *Reporter) isDue(id shop.ID, now *Counts) bool {
	last := r.told[id]
	if last == nil {
		if len(r.told) == MaxShops {
			return false
		}
		last = &told{turn: r.next % turns}
		r.told[id] = last
		r.next++
	}
	last.seq = r.report.Seq
	if *now == (Counts{}) && last.counts == (Counts{}) {
		return false
	}
	due := *now != last.counts || now.Waiting > 0 || now.Distinct > 0 || last.turn == r.report.Seq%turns
	last.counts = *now
	return due
}
