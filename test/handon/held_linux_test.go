package handon

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/scrub/lab"
)

// A held is a connection of the client, and the edge that has it.
type held struct {
	net.Conn
	lines *bufio.Reader
	edge  string
}

// page is a line that takes more than one segment of full size, which do not fit into
// the tunnel as they are.
var page = strings.Repeat("x", 4000) + "\n"

// ask sends a line, and expects it back from the edge that has the connection.
func (h *held) ask(line string) error {
	if err := h.SetDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	if _, err := io.WriteString(h, line); err != nil {
		return err
	}
	got, err := h.lines.ReadString('\n')
	if err != nil {
		return err
	}
	edge, echo, _ := strings.Cut(got, " ")
	if echo != line || h.edge != "" && edge != h.edge {
		return fmt.Errorf("edge %s answers, want %s", edge, h.edge)
	}
	h.edge = edge
	return nil
}

// begin reads the greeting, and finds out which edge has the connection.
func (h *held) begin() error {
	if err := h.SetDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	if _, err := h.lines.ReadString('\n'); err != nil {
		return err
	}
	return h.ask("hello\n")
}

// patience is how long an answer may take: a segment that is too long for the tunnel
// is sent again, and the machine may be busy.
const patience = 10 * time.Second

// hold opens connections, half of them over IPv6.
func (r *tier) hold(t *testing.T, n int) (all []*held) {
	t.Helper()
	for i := range n {
		addr := lab.Shop4
		if i%2 == 1 {
			addr = lab.Shop6
		}
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		conn, err := r.Client.Dial(ctx, netip.AddrPort{}, "tcp", netip.AddrPortFrom(addr, 80).String())
		cancel()
		if err != nil {
			t.Fatalf("connection %d: %v", i, err)
		}
		h := &held{Conn: conn, lines: bufio.NewReader(conn)}
		if err := h.begin(); err != nil {
			t.Fatalf("connection %d: %v", i, err)
		}
		all = append(all, h)
	}
	return all
}

// broken asks over all connections at once, closes those that do not answer, and
// returns how many of them each edge had.
func broken(all []*held) (left []*held, lost map[string]int) {
	failed := make([]error, len(all))
	var work sync.WaitGroup
	for i, h := range all {
		work.Go(func() { failed[i] = h.ask(page) })
	}
	work.Wait()
	lost = make(map[string]int)
	for i, h := range all {
		if failed[i] == nil {
			left = append(left, h)
			continue
		}
		lost[h.edge]++
		h.Close()
	}
	return left, lost
}

func sum(lost map[string]int) (n int) {
	for _, of := range lost {
		n += of
	}
	return n
}

func closeAll(all []*held) {
	for _, h := range all {
		h.Close()
	}
}
