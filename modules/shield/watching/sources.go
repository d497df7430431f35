package watching

import (
	"encoding/binary"
	"sync"

	"github.com/theriac-edge/theriac/incident"
	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/shop/netkey"
	"github.com/theriac-edge/theriac/watch"
)

// sources are the clients that attack one shop, as far as edges have seen them, by keyed hash.
// Each edge tells what it has seen since the attack began, so a message that is lost costs
// nothing.
type sources struct {
	mu     sync.Mutex
	own    *incident.Sources
	others map[uint64]*incident.Sources // by the Boot of the edge
	told   int64                        // when this edge has told its own
}

// Telling of sources.
const (
	sourcesChannel = "sources"
	sourcesAgain   = 5  // seconds
	sourcesAtOnce  = 16 // shops a second: a sketch has up to 20 KB
	mostEdges      = 128
)

func newSources() *sources {
	return &sources{own: incident.NewSources(), others: map[uint64]*incident.Sources{}}
}

// add counts a stranger.
func (s *sources) add(client, subnet netkey.Key) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.own.Add(client, subnet)
}

// take takes in what another edge has seen.
func (s *sources) take(boot uint64, seen *incident.Sources) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.others) < mostEdges || s.others[boot] != nil {
		s.others[boot] = seen
	}
}

// merged is what all edges have seen.
func (s *sources) merged() *incident.Sources {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := incident.NewSources()
	_ = all.Merge(s.own) // sketches of one precision can be merged
	for _, other := range s.others {
		_ = all.Merge(other)
	}
	return all
}

// follow has the sources of a shop counted while it is in trouble.
func (s *watched) follow(inTrouble bool) {
	switch {
	case inTrouble && s.sources == nil:
		s.sources = newSources()
		s.Tally.SetNote(s.sources.add)
	case !inTrouble && s.sources != nil:
		s.sources = nil
		s.Tally.SetNote(nil)
	}
}

// found is what was found out about the sources of an attack.
type found struct {
	shop    shop.ID
	vector  watch.Vector
	sources *incident.Sources
}

// tellSources tells the other edges of the sources that this one has seen, of some shops at a
// time, and returns what all edges have seen of these.
func (w *Watcher) tellSources(at int64) (all []found) {
	for id, s := range w.shops {
		if s.sources == nil || at-s.sources.told < sourcesAgain {
			continue
		}
		if len(all) == sourcesAtOnce {
			break
		}
		s.sources.told = at
		s.sources.mu.Lock()
		sketch, err := s.sources.own.MarshalBinary()
		s.sources.mu.Unlock()
		if err == nil {
			w.store.Say(sourcesChannel, string(appendSketch(nil, w.boot, id, sketch)))
		}
		all = append(all, found{id, vectorOf(&s.verdict), s.sources.merged()})
	}
	return all
}

// appendSketch appends what an edge has seen at a shop, as it travels: Boot in 8 bytes, the
// length of the shop's ID in one, the ID, the sketch.
func appendSketch(dst []byte, boot uint64, id shop.ID, sketch []byte) []byte {
	dst = binary.BigEndian.AppendUint64(dst, boot)
	return append(append(append(dst, byte(len(id))), id...), sketch...)
}

// parseSketch reads what appendSketch has written, and refuses everything else.
func parseSketch(data []byte) (boot uint64, id shop.ID, sketch *incident.Sources, ok bool) {
	if len(data) < 9 || len(data) < 9+int(data[8]) {
		return 0, "", nil, false
	}
	boot, rest := binary.BigEndian.Uint64(data), data[9:]
	id, err := shop.ParseID(string(rest[:data[8]]))
	if err != nil {
		return 0, "", nil, false
	}
	sketch = new(incident.Sources)
	if sketch.UnmarshalBinary(rest[data[8]:]) != nil {
		return 0, "", nil, false
	}
	return boot, id, sketch, true
}

// hearSources takes in what another edge has seen of a shop that is in trouble here as well.
func (w *Watcher) hearSources(message string) {
	boot, id, sketch, ok := parseSketch([]byte(message))
	if !ok || boot == w.boot {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if s := w.shops[id]; s != nil && s.sources != nil {
		s.sources.take(boot, sketch)
	}
}
