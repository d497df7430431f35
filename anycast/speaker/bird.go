package speaker

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/theriac-edge/theriac/anycast"
	"github.com/theriac-edge/theriac/hint"
)

// DefaultBirdSocket is where Debian's BIRD listens.
const DefaultBirdSocket = "/run/bird/bird.ctl"

const (
	birdPatience = 2 * time.Second // for all of one Apply
	maxReply     = 1 << 20         // bytes that BIRD may answer
)

// Bird enables and disables protocols of a BIRD, one for each prefix: see ProtocolName. BIRD's
// configuration has them as `protocol static`, disabled.
type Bird struct {
	socket   string
	prefixes []netip.Prefix
}

// NewBird returns the speaker of a BIRD by its control socket. prefixes are all that are ever
// announced.
func NewBird(socket string, prefixes []netip.Prefix) *Bird { return &Bird{socket, prefixes} }

// ProtocolName is that of the protocol in BIRD's configuration: vip_203_0_113_3_32, or
// hole_203_0_113_3_32 for the black hole. Colons become underscores as well.
func ProtocolName(r anycast.Route) string {
	kind := "vip_"
	if r.Blackhole {
		kind = "hole_"
	}
	return kind + strings.NewReplacer(".", "_", ":", "_", "/", "_").Replace(r.Prefix.String())
}

// Apply enables and disables each protocol, whatever BIRD says it was.
func (b *Bird) Apply(ctx context.Context, a anycast.Announcement) error {
	if len(a.Rules) > 0 {
		return ErrNoFlowSpec
	}
	for _, r := range a.Routes {
		if !slices.Contains(b.prefixes, r.Prefix) {
			return fmt.Errorf("announcing %v: it is not among the prefixes of this edge", r.Prefix)
		}
	}
	session, err := b.dial(ctx)
	if err != nil {
		return err
	}
	defer session.Close()
	for _, prefix := range b.prefixes {
		for _, hole := range []bool{false, true} {
			r := anycast.Route{Prefix: prefix, Blackhole: hole}
			if hole && !isHost(prefix) {
				continue
			}
			do := "disable"
			if slices.Contains(a.Routes, r) {
				do = "enable"
			}
			if err := session.switchTo(do, r); err != nil {
				return err
			}
		}
	}
	return nil
}

// switchTo enables or disables one protocol. A black hole that BIRD does not have is needed
// only when it is to be announced.
func (s *birdSession) switchTo(do string, r anycast.Route) error {
	_, err := s.command(do + ` "` + ProtocolName(r) + `"`)
	if errors.Is(err, errNoProtocol) && r.Blackhole && do == "disable" {
		return nil
	}
	if errors.Is(err, errNoProtocol) {
		return hint.Errorf("add it to BIRD's configuration, and birdc configure", "announcing %v: BIRD has no protocol %s", r.Prefix, ProtocolName(r))
	}
	return err
}

// Sessions are BIRD's protocols of type BGP.
func (b *Bird) Sessions(ctx context.Context) (all []Session, err error) {
	session, err := b.dial(ctx)
	if err != nil {
		return nil, err
	}
	defer session.Close()
	lines, err := session.command("show protocols")
	if err != nil {
		return nil, err
	}
	for _, line := range lines {
		// Name, protocol, table, state, since, and info, which may be empty.
		f := strings.Fields(line)
		if len(f) >= 5 && f[1] == "BGP" {
			state := strings.Join(slices.Concat(f[3:4], f[min(5, len(f)):]), " ")
			all = append(all, Session{Peer: f[0], Up: f[3] == "up", State: state})
		}
	}
	return all, nil
}

// Close disables everything.
func (b *Bird) Close() error { return b.Apply(context.Background(), anycast.Announcement{}) }

// birdSession is a connection to BIRD's control socket.
type birdSession struct {
	net.Conn
	replies *bufio.Reader
}

func (b *Bird) dial(ctx context.Context) (*birdSession, error) {
	ctx, cancel := context.WithTimeout(ctx, birdPatience)
	defer cancel()
	var d net.Dialer
	conn, err := d.DialContext(ctx, "unix", b.socket)
	if err != nil {
		return nil, hint.Errorf("systemctl status bird; anycastd's user must be in the group of the socket", "speaking to BIRD: %w", err)
	}
	if err := conn.SetDeadline(time.Now().Add(birdPatience)); err != nil {
		conn.Close()
		return nil, fmt.Errorf("speaking to BIRD: %w", err)
	}
	s := &birdSession{conn, bufio.NewReader(io.LimitReader(conn, maxReply))}
	if _, err := readReply(s.replies); err != nil { // 0001 BIRD 2.0.12 ready.
		conn.Close()
		return nil, fmt.Errorf("speaking to BIRD: %w", err)
	}
	return s, nil
}

// command sends one command and returns the lines of the reply.
func (s *birdSession) command(text string) ([]string, error) {
	if _, err := io.WriteString(s, text+"\n"); err != nil {
		return nil, fmt.Errorf("speaking to BIRD: %w", err)
	}
	lines, err := readReply(s.replies)
	if err != nil {
		return nil, fmt.Errorf("BIRD, %s: %w", text, err)
	}
	return lines, nil
}

// errNoProtocol is BIRD's reply to a name that it does not know.
var errNoProtocol = errors.New("no such protocol")

// readReply reads one reply. Each line begins with a code of four digits and, if more follow,
// "-"; a line that begins with a space has the code of the one before it. Codes from 8000 are
// errors.
func readReply(r *bufio.Reader) (lines []string, err error) {
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return nil, fmt.Errorf("reading the reply: %w", err)
		}
		line = strings.TrimSuffix(line, "\n")
		if rest, ok := strings.CutPrefix(line, " "); ok {
			lines = append(lines, rest)
			continue
		}
		if len(line) < 5 || strings.Trim(line[:4], "0123456789") != "" || line[4] != ' ' && line[4] != '-' {
			return nil, fmt.Errorf("%.80q is not a reply", line)
		}
		code, text := line[:4], line[5:]
		switch {
		case code == "8003" || code == "9001" && strings.Contains(text, "CF_SYM_UNDEFINED"):
			return nil, errNoProtocol
		case code >= "8000":
			return nil, fmt.Errorf("%.200s (code %s)", text, code)
		}
		lines = append(lines, text)
		if line[4] == ' ' {
			return lines, nil
		}
	}
}
