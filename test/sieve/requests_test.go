package sieve

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/theriac-edge/theriac/parser"
	"github.com/theriac-edge/theriac/test/benign"
	"github.com/theriac-edge/theriac/test/crs"
)

// sample is a request, as net/http and our parser have read it.
type sample struct {
	*http.Request

	where string
	body  []byte
	table *parser.Table
	wrong *parser.Error // the firewall refuses it without asking rules
}

// read returns nil for what net/http does not read.
func read(where string, raw []byte) *sample {
	r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(raw)))
	if err != nil {
		return nil
	}
	s := &sample{Request: r, where: where}
	if s.body, err = io.ReadAll(r.Body); err != nil {
		return nil
	}
	r.RemoteAddr = "203.0.113.7:40000"
	if s.table, s.wrong = parser.ReadHeader(r, limits); s.wrong == nil {
		s.wrong = s.table.ReadBody(r, s.body)
	}
	return s
}

// corpus are the benign requests of the project.
func corpus(t testing.TB) (all []*sample) {
	t.Helper()
	requests, err := benign.Read("../benign/testdata")
	if err != nil {
		t.Fatal(err)
	}
	for _, request := range requests {
		if s := read(request.Where, request.Bytes()); s != nil {
			all = append(all, s)
		}
	}
	return all
}

// input is a request of the suite of the Core Rule Set.
type input struct {
	Method  *string           `yaml:"method"`
	URI     *string           `yaml:"uri"`
	Version *string           `yaml:"version"`
	Headers map[string]string `yaml:"headers"`
	Data    string            `yaml:"data"`
	Encoded string            `yaml:"encoded_request"`
}

func (in *input) bytes() []byte {
	if in.Encoded != "" {
		raw, _ := base64.StdEncoding.DecodeString(in.Encoded)
		return raw
	}
	or := func(p *string, otherwise string) string {
		if p == nil {
			return otherwise
		}
		return *p
	}
	body := in.Data
	if strings.HasPrefix(in.Headers["Content-Type"], "multipart/") {
		body = strings.ReplaceAll(body, "\n", "\r\n")
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s %s %s\r\n", or(in.Method, "GET"), or(in.URI, "/"), or(in.Version, "HTTP/1.1"))
	for _, name := range slices.Sorted(maps.Keys(in.Headers)) {
		if !strings.EqualFold(name, "Content-Length") {
			fmt.Fprintf(&b, "%s: %s\r\n", name, in.Headers[name])
		}
	}
	if body != "" {
		if in.Headers["Content-Type"] == "" {
			b.WriteString("Content-Type: application/x-www-form-urlencoded\r\n")
		}
		fmt.Fprintf(&b, "Content-Length: %d\r\n", len(body))
	}
	b.WriteString("\r\n" + body)
	return b.Bytes()
}

// suite are the requests of the Core Rule Set's own tests.
func suite(t testing.TB) (all []*sample) {
	t.Helper()
	crs.Files(t, func(name string, text []byte) error {
		var file struct {
			Tests []struct {
				ID     int `yaml:"test_id"`
				Stages []struct {
					Input input `yaml:"input"`
				} `yaml:"stages"`
			} `yaml:"tests"`
		}
		if err := yaml.Unmarshal(text, &file); err != nil {
			return err
		}
		for _, test := range file.Tests {
			for i := range test.Stages {
				if s := read(fmt.Sprintf("%s test %d", name, test.ID), test.Stages[i].Input.bytes()); s != nil {
					all = append(all, s)
				}
			}
		}
		return nil
	})
	return all
}
