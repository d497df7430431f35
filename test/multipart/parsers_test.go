package multipart

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/parser"
	"github.com/theriac-edge/theriac/test/need"
)

// form is a body as somebody has read it: the names and values of its fields, and the names
// of its files. A parser may refuse it: then the shop gets nothing.
type form struct {
	Names, Values, Files []string
	Error                string
}

// reader is a parser of forms.
type reader func(t testing.TB, contentType string, body []byte) form

// ours is our own.
func ours(_ testing.TB, contentType string, body []byte) (f form) {
	r := httptest.NewRequest(http.MethodPost, "/", http.NoBody)
	r.Header.Set("Content-Type", contentType)
	limits := parser.Limits{Arguments: 1000, Parts: 1000, Cookies: 10, Depth: 32, Text: 1 << 20}
	table, err := parser.ReadHeader(r, limits)
	if err == nil {
		err = table.ReadBody(r, body)
	}
	if err != nil {
		return form{Error: string(err.Reason)}
	}
	for _, v := range table.Values {
		switch v.Source {
		case parser.Part:
			f.Names, f.Values = append(f.Names, v.Name), append(f.Values, v.Text)
		case parser.Filename:
			f.Files = append(f.Files, v.Text)
		}
	}
	return f
}

// byGo is net/http's, which is also Coraza's.
func byGo(_ testing.TB, contentType string, body []byte) (f form) {
	media, parameters, err := mime.ParseMediaType(contentType)
	if err != nil || media != "multipart/form-data" {
		return form{Error: "no form"}
	}
	parts := multipart.NewReader(bytes.NewReader(body), parameters["boundary"])
	for {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			return f
		}
		if err != nil {
			return form{Error: err.Error()}
		}
		content, err := io.ReadAll(part)
		if err != nil {
			return form{Error: err.Error()}
		}
		if name := part.FileName(); name != "" {
			f.Files = append(f.Files, name)
		} else {
			f.Names, f.Values = append(f.Names, part.FormName()), append(f.Values, string(content))
		}
	}
}

// byPHP starts PHP's web server.
func byPHP(t testing.TB) reader {
	t.Helper()
	addr := need.Addr(t)
	cmd := exec.Command(need.PHP(t), "-n", "-d", "display_errors=0", "-d", "post_max_size=64M", "-d", "upload_max_filesize=64M",
		"-d", "max_file_uploads=1000", "-S", addr, "testdata/form.php")
	began(t, cmd)
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		response, err := http.Get("http://" + addr)
		if err == nil {
			response.Body.Close()
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("PHP does not answer: %v", err)
		}
	}
	return func(t testing.TB, contentType string, body []byte) form {
		response, err := http.Post("http://"+addr, contentType, bytes.NewReader(body))
		if err != nil {
			t.Fatalf("asking PHP: %v", err)
		}
		defer response.Body.Close()
		return decoded(t, response.Body)
	}
}

// byProgram starts a program that reads questions and writes answers, a line each.
func byProgram(t testing.TB, cmd *exec.Cmd) reader {
	t.Helper()
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	began(t, cmd)
	answers := bufio.NewReader(out)
	return func(t testing.TB, contentType string, body []byte) form {
		question, err := json.Marshal(map[string]string{"type": contentType, "body": base64.StdEncoding.EncodeToString(body)})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := fmt.Fprintf(in, "%s\n", question); err != nil {
			t.Fatalf("asking %s: %v", cmd.Path, err)
		}
		line, err := answers.ReadBytes('\n')
		if err != nil {
			t.Fatalf("asking %s: %v", cmd.Path, err)
		}
		return decoded(t, bytes.NewReader(line))
	}
}

func began(t testing.TB, cmd *exec.Cmd) {
	t.Helper()
	if err := cmd.Start(); err != nil {
		t.Fatalf("starting %s: %v", cmd.Path, err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
}

func decoded(t testing.TB, answer io.Reader) (f form) {
	t.Helper()
	if err := json.NewDecoder(answer).Decode(&f); err != nil {
		t.Fatalf("reading an answer: %v", err)
	}
	for _, texts := range [][]string{f.Names, f.Values, f.Files} {
		for i, text := range texts {
			raw, err := base64.StdEncoding.DecodeString(text)
			if err != nil {
				t.Fatalf("reading an answer: %v", err)
			}
			texts[i] = string(raw)
		}
	}
	return f
}

// theirs starts all parsers that shops use.
func theirs(t testing.TB) map[string]reader {
	t.Helper()
	node := exec.Command(need.Node(t), "form.js")
	node.Dir = "testdata"
	node.Env = append(node.Environ(), "NODE_PATH="+need.Busboy(t)+"/node_modules")
	return map[string]reader{
		"Go":       byGo,
		"PHP":      byPHP(t),
		"busboy":   byProgram(t, node),
		"Werkzeug": byProgram(t, exec.Command(need.Werkzeug(t), "testdata/form.py")),
	}
}
