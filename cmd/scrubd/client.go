//go:build linux

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/theriac-edge/theriac/hint"
	"github.com/theriac-edge/theriac/scrubd/daemon"
	"github.com/theriac-edge/theriac/scrubd/peersock"
)

const (
	answerTimeout = 15 * time.Second
	maxAnswer     = 64 << 20 // a full deny list
)

// call sends a request to scrubd and returns the answer, whose body the caller
// closes.
func call(ctx context.Context, socket, method, uri string, body any) (*http.Response, error) {
	var content io.Reader
	if body != nil {
		raw, err := json.Marshal(body)
		if err != nil {
			return nil, fmt.Errorf("encoding the request: %w", err)
		}
		content = bytes.NewReader(raw)
	}
	request, err := http.NewRequestWithContext(ctx, method, "http://scrubd"+uri, content)
	if err != nil {
		return nil, fmt.Errorf("encoding the request: %w", err)
	}
	client := &http.Client{Transport: &http.Transport{
		DisableKeepAlives: true, ResponseHeaderTimeout: answerTimeout,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "unix", socket)
		},
	}}
	response, err := client.Do(request)
	if err != nil {
		return nil, unreachable(socket, err)
	}
	if response.StatusCode == http.StatusOK {
		return response, nil
	}
	defer response.Body.Close()
	var problem daemon.Problem
	if err := json.NewDecoder(io.LimitReader(response.Body, maxAnswer)).Decode(&problem); err != nil {
		return nil, fmt.Errorf("asking scrubd: status %s", response.Status)
	}
	err = errors.New(problem.Error)
	if response.StatusCode == http.StatusForbidden {
		err = marked{err, errUnreachable}
	}
	if problem.Try != "" {
		err = hint.New(err, problem.Try)
	}
	return nil, err
}

// unreachable says why scrubd does not answer, and what to try.
func unreachable(socket string, err error) error {
	err = fmt.Errorf("asking scrubd at %s: %w", socket, errnoOf(err))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		err = hint.New(err, "systemctl start scrubd, or --socket if it listens elsewhere")
	case errors.Is(err, syscall.ECONNREFUSED):
		err = hint.New(err, "systemctl status scrubd: it has ended; the dataplane goes on")
	case errors.Is(err, fs.ErrPermission):
		err = hint.New(err, "sudo, or join the socket's group: "+groupOfFile(socket))
	}
	return marked{err, errUnreachable}
}

// marked is an error that errors.Is finds to be another one as well, without its
// text.
type marked struct {
	error
	is error
}

func (m marked) Unwrap() []error { return []error{m.error, m.is} }

// errnoOf is the reason alone, without what net/http adds.
func errnoOf(err error) error {
	if errno, ok := errors.AsType[syscall.Errno](err); ok {
		return errno
	}
	return err
}

// groupOfFile names the group of the socket, or of its directory.
func groupOfFile(path string) string {
	for _, p := range []string{path, filepath.Dir(path)} {
		info, err := os.Stat(p)
		if err != nil {
			continue
		}
		if owner, ok := info.Sys().(*syscall.Stat_t); ok {
			return peersock.GroupName(int(owner.Gid))
		}
	}
	return "root"
}

// ask sends a request to scrubd and prints the answer, as JSON or as print does.
func ask[T any](cmd *cobra.Command, method, uri string, body any, print func(io.Writer, T)) error {
	response, err := call(cmd.Context(), flag(cmd, "socket"), method, uri, body)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return fmt.Errorf("reading scrubd's answer: %w", err)
	}
	return show(cmd, raw, print)
}

// show prints an answer, as JSON or as print does.
func show[T any](cmd *cobra.Command, raw []byte, print func(io.Writer, T)) error {
	if asJSON(cmd) {
		_, err := cmd.OutOrStdout().Write(raw)
		return err
	}
	var answer T
	if err := json.Unmarshal(raw, &answer); err != nil {
		return fmt.Errorf("decoding the answer: %w", err)
	}
	print(cmd.OutOrStdout(), answer)
	return nil
}

func flag(cmd *cobra.Command, name string) string {
	f := cmd.Flag(name)
	if f == nil {
		return ""
	}
	return f.Value.String()
}

func asJSON(cmd *cobra.Command) bool { return flag(cmd, "json") == "true" }
