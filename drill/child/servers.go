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
	if given != "" {
		path, err := exec.LookPath(given)
		if err != nil {
			return "", fmt.Errorf("finding the edge: %w", err)
		}
		return filepath.Abs(path)
	}
	path := filepath.Join(dir, "theriac")
	build := exec.CommandContext(ctx, "go", "build", "-o", path, "github.com/theriac-edge/theriac/cmd/theriac")
	var out bytes.Buffer
	build.Stdout, build.Stderr = &out, &out
	if err := build.Run(); err != nil {
		return "", hint.Errorf("run it in the repository, or give a binary with --edge",
			"building the edge: %w\n%s", err, bytes.TrimSpace(out.Bytes()))
	}
	return path, nil
}
