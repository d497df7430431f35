package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// A redisServer is a real Redis of the drill's own.
type redisServer struct {
	*process
	addr string
}

func startRedis(ctx context.Context, dir string) (*redisServer, error) {
	path, err := exec.LookPath("redis-server")
	if err != nil {
		return nil, hintf("apt-get install redis-server", "starting Redis: %w", err)
	}
	addr, err := freeAddr()
	if err != nil {
		return nil, err
	}
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, fmt.Errorf("starting Redis: %w", err)
	}
	p, err := start(ctx, dir, "redis", nil, path, "--bind", host, "--port", port, "--save", "", "--appendonly", "no", "--dir", dir)
	if err != nil {
		return nil, err
	}
	if err := p.ready(ctx, addr); err != nil {
		p.stop()
		return nil, err
	}
	return &redisServer{p, addr}, nil
}

// commands is how many commands Redis has run so far, those inside scripts
// included, and the table of them by name.
func (r *redisServer) commands() (total int64, byName map[string]int64, err error) {
	text, err := r.info()
	if err != nil {
		return 0, nil, fmt.Errorf("asking Redis for its counts: %w", err)
	}
	byName = make(map[string]int64)
	for line := range strings.Lines(text) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		if name == "total_commands_processed" {
			total, err = strconv.ParseInt(value, 10, 64)
			if err != nil {
				return 0, nil, fmt.Errorf("reading Redis' total of commands: %w", err)
			}
		}
		if name, ok := strings.CutPrefix(name, "cmdstat_"); ok {
			calls, _, _ := strings.Cut(strings.TrimPrefix(value, "calls="), ",")
			if byName[name], err = strconv.ParseInt(calls, 10, 64); err != nil {
				return 0, nil, fmt.Errorf("reading Redis' count of %s: %w", name, err)
			}
		}
	}
	if total == 0 && len(byName) == 0 {
		return 0, nil, fmt.Errorf("asking Redis for its counts: none in its answer %.80q", text)
	}
	return total, byName, nil
}

// info asks INFO in RESP, by hand: go-redis belongs to counters alone.
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
