package incident

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/axiomhq/hyperloglog"

	"github.com/theriac-edge/theriac/shop/netkey"
)

// Sources estimates how many different clients send an attack, and which subnets send most of
// it, from keyed hashes alone. Sketches of several edges can be merged. It takes at most
// 20 KB, and is not safe for concurrent use. Keys change at midnight UTC, so sources that go on
// after it count twice.
type Sources struct {
	clients *hyperloglog.Sketch
	nets    heavy
}

// NewSources returns one without sources.
func NewSources() *Sources { return &Sources{clients: hyperloglog.New14()} }

// Add counts a request of a client in its subnet.
func (s *Sources) Add(client, subnet netkey.Key) {
	s.clients.InsertHash(binary.LittleEndian.Uint64(client[:8]))
	s.nets.add(subnet)
}

// Merge adds what another edge counted.
func (s *Sources) Merge(other *Sources) error {
	if err := s.clients.Merge(other.clients); err != nil {
		return fmt.Errorf("merging sources: %w", err)
	}
	s.nets.merge(&other.nets)
	return nil
}

// Clients is the estimate: of a million clients it is wrong by less than a hundredth in most cases.
func (s *Sources) Clients() int64 { return int64(s.clients.Estimate()) }

// leastShare is the smallest share of a subnet that is worth naming.
const leastShare = 0.01

// Nets returns the subnets that sent most, each with the least share that it had.
func (s *Sources) Nets() (nets []Net) {
	for _, e := range s.nets.top() {
		share := float64(e.count-e.over) / float64(max(1, s.nets.total))
		if len(nets) == maxNets || share < leastShare {
			break
		}
		nets = append(nets, Net{Net: e.key.Reference(), Share: float64(int(share*1000)) / 1000})
	}
	return nets
}

const (
	sourcesVersion = 1
	maxSketch      = 24 << 10
)

var errSources = errors.New("not a valid sketch of sources")

// MarshalBinary writes a version, the length of the sketch of clients, that sketch, and the
// subnets.
func (s *Sources) MarshalBinary() ([]byte, error) {
	clients, err := s.clients.MarshalBinary()
	if err != nil {
		return nil, fmt.Errorf("encoding sources: %w", err)
	}
	out := append([]byte{sourcesVersion}, binary.BigEndian.AppendUint32(nil, uint32(len(clients)))...)
	return s.nets.append(append(out, clients...)), nil
}

// UnmarshalBinary reads what MarshalBinary wrote, and refuses everything else.
func (s *Sources) UnmarshalBinary(data []byte) error {
	if len(data) < 5 || data[0] != sourcesVersion {
		return errSources
	}
	size := binary.BigEndian.Uint32(data[1:5])
	data = data[5:]
	if size > maxSketch || int(size) > len(data) {
		return errSources
	}
	read := NewSources()
	precision := data[:size]
	if size < 2 || precision[1] != 14 { // another one cannot be merged
		return errSources
	}
	if err := read.clients.UnmarshalBinary(data[:size]); err != nil {
		return fmt.Errorf("reading sources: %w", err)
	}
	if err := read.nets.read(data[size:]); err != nil {
		return err
	}
	*s = *read
	return nil
}
