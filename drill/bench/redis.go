package bench

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/theriac-edge/theriac/drill/child"
)

// A redisServer is a real Redis of the drill's own.
type redisServer struct {
	*child.Process
	addr string
}

func startRedis(ctx context.Context, dir string) (*redisServer, error) {
	p, addr, err := child.StartRedis(ctx, dir, nil)
	if err != nil {
		return nil, err
	}
	return &redisServer{p, addr}, nil
}

// inScripts are the commands that the edges' scripts run inside Redis. They cross
// no network and wait in no queue, so they count as part of their script.
const inScripts = " time get set pexpire zadd zrange zremrangebyscore "

// commands returns how many commands Redis has received so far, and how often it
// ran each command, by name.
func (r *redisServer) commands() (sent int64, byName map[string]int64, err error) {
	text, err := r.info()
	if err != nil {
		return 0, nil, fmt.Errorf("reading the counts of Redis: %w", err)
	}
	byName = make(map[string]int64)
	for line := range strings.Lines(text) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		name, ok := strings.CutPrefix(name, "cmdstat_")
		if !ok {
			continue
		}
		calls, _, _ := strings.Cut(strings.TrimPrefix(value, "calls="), ",")
		if byName[name], err = strconv.ParseInt(calls, 10, 64); err != nil {
			return 0, nil, fmt.Errorf("reading Redis' count of %s: %w", name, err)
		}
		if !strings.Contains(inScripts, " "+name+" ") {
			sent += byName[name]
		}
	}
	if len(byName) == 0 && !strings.Contains(text, "# Commandstats") {
		return 0, nil, fmt.Errorf("reading the counts of Redis: none in its answer %.80q", text)
	}
	return sent, byName, nil
}

// info sends INFO in RESP, by hand: go-redis belongs to counters alone.
func (r *redisServer) info() (string, error) {
	conn, err := net.DialTimeout("tcp", r.addr, time.Second)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(5 * time.Second)); err != nil {
		return "", err
	}
	if _, err := io.WriteString(conn, "*3\r\n$4\r\nINFO\r\n$5\r\nstats\r\n$12\r\ncommandstats\r\n"); err != nil {
		return "", err
	}
	in := bufio.NewReader(conn)
	head, err := in.ReadString('\n')
	if err != nil {
		return "", err
	}
	size, err := strconv.Atoi(strings.TrimSpace(strings.TrimPrefix(head, "$")))
	if err != nil || size < 0 || size > 1<<20 {
		return "", fmt.Errorf("unexpected answer %q", head)
	}
	text := make([]byte, size)
	_, err = io.ReadFull(in, text)
	return string(text), err
}
