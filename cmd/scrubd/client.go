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

	"github.com/theriac-edge/theriac/hint"

	"github.com/spf13/cobra"
)

const (
	answerWithin  = 15 * time.Second
	largestAnswer = 64 << 20 // a full deny list
)

// call asks scrubd and returns its answer, whose body the caller closes.
func call(ctx context.Context, socket, method, uri string, question any) (*http.Response, error) {
	var body io.Reader
	if question != nil {
		raw, err := json.Marshal(question)
		if err != nil {
			return nil, fmt.Errorf("writing the question: %w", err)
		}
		body = bytes.NewReader(raw)
	}
	request, err := http.NewRequestWithContext(ctx, method, "http://scrubd"+uri, body)
	if err != nil {
		return nil, fmt.Errorf("writing the question: %w", err)
	}
	client := &http.Client{Transport: &http.Transport{
		DisableKeepAlives: true, ResponseHeaderTimeout: answerWithin,
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
	var said wrongs
	if err := json.NewDecoder(io.LimitReader(response.Body, largestAnswer)).Decode(&said); err != nil {
		return nil, fmt.Errorf("asking scrubd: it answers %s", response.Status)
	}
	err = errors.New(said.Error)
	if response.StatusCode == http.StatusForbidden {
		err = silent{err, errUnreachable}
	}
	if said.Try != "" {
		err = hint.New(err, said.Try)
	}
	return nil, err
}

// unreachable says why nobody answers, and what to try.
func unreachable(socket string, err error) error {
	err = fmt.Errorf("asking scrubd at %s: %w", socket, plain(err))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		err = hint.New(err, "systemctl start scrubd, or --socket if it listens elsewhere")
	case errors.Is(err, syscall.ECONNREFUSED):
		err = hint.New(err, "systemctl status scrubd: it has ended; what it attached goes on")
	case errors.Is(err, fs.ErrPermission):
		err = hint.New(err, "sudo, or join the socket's group: "+groupOfFile(socket))
	}
	return silent{err, errUnreachable}
}

// silent is an error that is another one, too, and does not say so.
type silent struct {
	error
	is error
}

func (s silent) Unwrap() []error { return []error{s.error, s.is} }

// plain is the reason alone, without the words of net/http around it.
func plain(err error) error {
	if no, ok := errors.AsType[syscall.Errno](err); ok {
		return no
	}
	return err
}

// groupOfFile names the group that may use the socket.
func groupOfFile(path string) string {
	for _, p := range []string{path, filepath.Dir(path)} {
		info, err := os.Stat(p)
		if err != nil {
			continue
		}
		if owner, ok := info.Sys().(*syscall.Stat_t); ok {
			return groupName(int(owner.Gid))
		}
	}
	return "root"
}

// ask asks scrubd and prints the answer, as JSON or as print does.
func ask[T any](cmd *cobra.Command, method, uri string, question any, print func(io.Writer, T)) error {
	response, err := call(cmd.Context(), flag(cmd, "socket"), method, uri, question)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(response.Body, largestAnswer))
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
		return fmt.Errorf("understanding the answer: %w", err)
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
