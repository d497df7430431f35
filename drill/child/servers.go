package child

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os/exec"
	"path/filepath"

	"github.com/theriac-edge/theriac/hint"
)

// StartRedis starts a Redis of the drill's own, without data, and returns its address.
func StartRedis(ctx context.Context, dir string, cpus []int) (p *Process, addr string, err error) {
	path, err := exec.LookPath("redis-server")
	if err != nil {
		return nil, "", hint.Errorf("apt-get install redis-server", "starting Redis: %w", err)
	}
	if addr, err = FreeAddr(); err != nil {
		return nil, "", err
	}
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, "", fmt.Errorf("starting Redis: %w", err)
	}
	p, err = Start(ctx, Command{
		Name: "redis", Dir: dir, Path: path, CPUs: cpus,
		Args: []string{"--bind", host, "--port", port, "--save", "", "--appendonly", "no", "--dir", dir},
	})
	if err != nil {
		return nil, "", err
	}
	if err := p.Ready(ctx, addr); err != nil {
		p.Stop()
		return nil, "", err
	}
	return p, addr, nil
}

// EdgeBinary is the path of the edge's binary: the given one, or a fresh build in dir.
func EdgeBinary(ctx context.Context, given, dir string) (string, error) {
	return binary(ctx, "theriac", "edge", given, dir)
}

// ScrubberBinary is the path of scrubd's binary: the given one, or a fresh build in dir.
func ScrubberBinary(ctx context.Context, given, dir string) (string, error) {
	return binary(ctx, "scrubd", "scrubber", given, dir)
}

// binary is that of a command, which a flag of the drill may give.
func binary(ctx context.Context, command, flag, given, dir string) (string, error) {
	if given != "" {
		path, err := exec.LookPath(given)
		if err != nil {
			return "", fmt.Errorf("finding the %s: %w", flag, err)
		}
		return filepath.Abs(path)
	}
	path := filepath.Join(dir, command)
	build := exec.CommandContext(ctx, "go", "build", "-o", path, "github.com/theriac-edge/theriac/cmd/"+command)
	var out bytes.Buffer
	build.Stdout, build.Stderr = &out, &out
	if err := build.Run(); err != nil {
		return "", hint.Errorf("run it in the repository, or give a binary with --"+flag,
			"building the %s: %w\n%s", flag, err, bytes.TrimSpace(out.Bytes()))
	}
	return path, nil
}
