package daemon

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"github.com/theriac-edge/theriac/anycast"
	"github.com/theriac-edge/theriac/hint"
)

// A beat is one datagram: HMAC-SHA256 of the rest, and the rest as JSON. Edges send them to each
// other, not by the store, so that a lost store moves nothing, and so that what moves routes does
// not count as an edge that has a share of the limits.
const (
	maxBeat   = 1400
	maxSkew   = 30 * time.Second // between the clocks of two edges; bounds what can be replayed
	minSecret = 32
)

// beat is what is signed.
type beat struct {
	At   int64        `json:"at"` // Unix seconds
	Fact anycast.Fact `json:"fact"`
}

// readKey derives the key of beats from the tier's secret in a file.
func readKey(path string) ([]byte, error) {
	secret, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading the secret: %w", err)
	}
	if len(secret) < minSecret {
		return nil, hint.Errorf("openssl rand -hex 32 > "+path+", and the same file at every edge", "reading the secret: %s has %d bytes, at least %d are needed", path, len(secret), minSecret)
	}
	return hkdf.Key(sha256.New, secret, nil, "anycast beats 1", sha256.Size)
}

// seal makes a datagram of a fact.
func seal(key []byte, now time.Time, f anycast.Fact) ([]byte, error) {
	text, err := json.Marshal(beat{now.Unix(), f})
	if err != nil {
		return nil, fmt.Errorf("encoding a beat: %w", err)
	}
	if sha256.Size+len(text) > maxBeat {
		return nil, fmt.Errorf("encoding a beat: it has %d bytes, %d are the most", sha256.Size+len(text), maxBeat)
	}
	return append(sign(key, text), text...), nil
}

func sign(key, text []byte) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write(text)
	return mac.Sum(nil)
}

// open reads a datagram. Nothing of it is looked at before its signature.
func open(key []byte, now time.Time, raw []byte) (f anycast.Fact, err error) {
	if len(raw) < sha256.Size || !hmac.Equal(raw[:sha256.Size], sign(key, raw[sha256.Size:])) {
		return f, errors.New("a beat without a valid signature: the secrets of the edges differ")
	}
	var b beat
	if err := json.Unmarshal(raw[sha256.Size:], &b); err != nil {
		return f, fmt.Errorf("decoding a beat: %w", err)
	}
	if age := now.Sub(time.Unix(b.At, 0)); age.Abs() > maxSkew {
		return f, fmt.Errorf("a beat of %s is %v away from this edge's clock", b.Fact.Edge, age)
	}
	return b.Fact, nil
}

// hear hands the facts of other edges to the daemon, until the socket is closed.
func (d *Daemon) hear(conn net.PacketConn) {
	buffer := make([]byte, maxBeat+1)
	for {
		n, _, err := conn.ReadFrom(buffer)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue // an ICMP error of an earlier send: the other edge does not run
		}
		now := d.now()
		fact, err := open(d.key, now, buffer[:n])
		if err != nil {
			d.warn("another edge is not heard", err)
			continue
		}
		d.mu.Lock()
		d.edge.Hear(now, fact)
		d.mu.Unlock()
	}
}

// say sends this edge's fact to all others. What cannot be sent is a beat that is lost.
func (d *Daemon) say(conn net.PacketConn, now time.Time, f anycast.Fact) {
	raw, err := seal(d.key, now, f)
	if err != nil {
		d.warn("this edge is not heard", err)
		return
	}
	for name, addr := range d.config.Edges {
		if name != d.config.Edge {
			if _, err := conn.WriteTo(raw, net.UDPAddrFromAddrPort(addr)); err != nil {
				d.warn("this edge is not heard", err)
			}
		}
	}
}
