package process

import (
	"bytes"
	"fmt"
	"io"
	"mime/multipart"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/theriac-edge/theriac/test/edge"
	"github.com/theriac-edge/theriac/test/kit"
)

// openFiles lists the regular files that a process has open for writing.
func openFiles(t testing.TB, pid int) (files []string) {
	t.Helper()
	dir := fmt.Sprintf("/proc/%d/fd", pid)
	open, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, fd := range open {
		var stat unix.Stat_t
		path := filepath.Join(dir, fd.Name())
		if unix.Stat(path, &stat) != nil || stat.Mode&unix.S_IFMT != unix.S_IFREG {
			continue // gone meanwhile, or no file
		}
		info, err := os.ReadFile(fmt.Sprintf("/proc/%d/fdinfo/%s", pid, fd.Name()))
		if err != nil || !strings.Contains(string(info), "flags:") {
			continue
		}
		_, flags, _ := strings.Cut(string(info), "flags:")
		var bits int
		if _, err := fmt.Sscanf(flags, "%o", &bits); err == nil && bits&unix.O_ACCMODE != unix.O_RDONLY {
			name, _ := os.Readlink(path)
			files = append(files, name)
		}
	}
	return files
}

// upload is a form with a file of some bytes.
func upload(t testing.TB, size int) (header string, body []byte) {
	t.Helper()
	var form bytes.Buffer
	w := multipart.NewWriter(&form)
	file, err := w.CreateFormFile("prescription", "prescription.pdf")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := file.Write(append([]byte("%PDF-1.4\n"), bytes.Repeat([]byte{0xd8, 1, 2, 3}, size/4)...)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("POST /prescription HTTP/1.1\r\nHost: loewen.localhost\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n",
		w.FormDataContentType(), form.Len()), form.Bytes()
}

// TestUploadsAreNeverFiles: the firewall holds uploads in memory. Neither a missing folder for
// temporary files nor a full /dev/shm concerns it, and an edge that is killed leaves nothing
// behind.
func TestUploadsAreNeverFiles(t *testing.T) {
	shop := kit.NewBackend(t)
	missing := filepath.Join(t.TempDir(), "missing")
	e := edge.Start(t, kit.Global("")+kit.Site(kit.AnyHost, "shield loewen\nshop_backend "+shop.Addr), "TMPDIR="+missing)
	before := openFiles(t, e.PID)
	header, body := upload(t, 4<<20)
	var conns []net.Conn
	for range 4 {
		conn, err := net.Dial("tcp", e.Addr)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		if _, err := io.WriteString(conn, header); err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Write(body[:len(body)-100]); err != nil { // returns when the edge has nearly all of it
			t.Fatal(err)
		}
		conns = append(conns, conn)
	}
	for _, file := range openFiles(t, e.PID) {
		if !slices.Contains(before, file) {
			t.Errorf("with uploads under way the edge has a file open: %s", file)
		}
	}
	if _, err := conns[0].Write(body[len(body)-100:]); err != nil {
		t.Fatal(err)
	}
	_ = conns[0].SetReadDeadline(time.Now().Add(20 * time.Second))
	answer := make([]byte, 12)
	if _, err := io.ReadFull(conns[0], answer); err != nil || string(answer) != "HTTP/1.1 200" {
		t.Errorf("an upload was answered with %q (%v)", answer, err)
	}
	if n := shop.Requests.Load(); n != 1 {
		t.Errorf("%d uploads reached the shop", n)
	}
	e.Kill()
	if _, err := os.Stat(missing); err == nil {
		t.Error("the edge has made a folder for temporary files")
	}
}

// TestOpenFilesAreSeen is the control: a temporary file is found, also one whose name is gone.
func TestOpenFilesAreSeen(t *testing.T) {
	for _, dir := range []string{t.TempDir(), "/dev/shm"} {
		before := len(openFiles(t, os.Getpid()))
		file, err := os.CreateTemp(dir, "theriac-control-*")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Remove(file.Name()); err != nil {
			t.Fatal(err)
		}
		if after := len(openFiles(t, os.Getpid())); after != before+1 {
			t.Errorf("%s: %d open files became %d", dir, before, after)
		}
		file.Close()
	}
}
