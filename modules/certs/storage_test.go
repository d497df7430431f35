package certs

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	_ "github.com/caddyserver/caddy/v2/modules/caddyevents"
	"github.com/caddyserver/certmagic"

	"github.com/theriac-edge/theriac/counters"
	"github.com/theriac-edge/theriac/test/need"
	"github.com/theriac-edge/theriac/test/sample"
)

func TestMain(m *testing.M) { sample.Main(m) }

const secretOne, secretTwo = "the first secret of the tier", "the second secret of the tier"

// provision returns the storage of an edge of that name, and ends the edge with the test or with
// end.
func provision(t testing.TB, redis, node, secret, mirror string) (s *Storage, end func()) {
	t.Helper()
	base, err := caddy.ProvisionContext(new(caddy.Config))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := caddy.NewContext(base)
	end = sync.OnceFunc(cancel)
	t.Cleanup(end)
	app := fmt.Sprintf(`{"node":%q,"secret":%q,"memory":1048576,"redis":{"urls":["redis://%s"],"deadline":"1s"}}`, node, secret, redis)
	if _, err := ctx.LoadModuleByID("shield", json.RawMessage(app)); err != nil {
		t.Fatal(err)
	}
	found, err := ctx.LoadModuleByID("caddy.storage.shield", json.RawMessage(fmt.Sprintf(`{"mirror":%q}`, mirror)))
	if err != nil {
		t.Fatal(err)
	}
	storage, err := found.(caddy.StorageConverter).CertMagicStorage()
	if err != nil {
		t.Fatal(err)
	}
	return storage.(*Storage), end
}

// TestStorageSemantics: what CertMagic expects, of its own storage on disk and of ours.
func TestStorageSemantics(t *testing.T) {
	redis := need.Redis(t)
	ours, _ := provision(t, redis.Addr, "a", secretOne, t.TempDir())
	for name, s := range map[string]certmagic.Storage{"disk": &certmagic.FileStorage{Path: t.TempDir()}, "shield": ours} {
		t.Run(name, func(t *testing.T) { semantics(t, s) })
	}
	redis.Kill()
	sample.Within(t, 10*time.Second, "the store is lost", ours.files.Lost)
	t.Run("shield, the store is lost", func(t *testing.T) { reading(t, ours) })
}

func semantics(t *testing.T, s certmagic.Storage) {
	ctx := t.Context()
	for _, key := range []string{"certificates/ca/a.example/a.example.crt", "certificates/ca/a.example/a.example.key", "certificates/ca/b.example/b.example.crt", "last_clean.json", "gone/x", "gone/y/z"} {
		if err := s.Store(ctx, key, []byte("1")); err != nil {
			t.Fatal(err)
		}
		if err := s.Store(ctx, key, []byte(key)); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 { // what is not there is deleted as well
		for _, key := range []string{"gone", "certificates/ca/b.example/b.example.crt", "certificates/ca/b.example"} {
			if err := s.Delete(ctx, key); err != nil {
				t.Error(err)
			}
		}
	}
	reading(t, s)
	if err := s.Lock(ctx, "issue_cert_*.Example"); err != nil {
		t.Fatal(err)
	}
	if ok, err := s.(certmagic.TryLocker).TryLock(ctx, "issue_cert_*.Example"); ok || err != nil {
		t.Errorf("a lock that is held: %t, %v", ok, err)
	}
	if err := s.Unlock(ctx, "issue_cert_*.Example"); err != nil {
		t.Error(err)
	}
}

func reading(t *testing.T, s certmagic.Storage) {
	ctx := t.Context()
	for _, c := range []struct {
		folder    string
		recursive bool
		want      string
	}{
		{"certificates/ca", false, "certificates/ca/a.example"},
		{"certificates/ca/a.example", false, "certificates/ca/a.example/a.example.crt certificates/ca/a.example/a.example.key"},
		{"certificates", true, "certificates/ca certificates/ca/a.example certificates/ca/a.example/a.example.crt certificates/ca/a.example/a.example.key"},
		{"certificates/ca/b.example", false, "-"},
		{"gone", true, "-"},
		{"cert", false, "-"},
		{"", false, "certificates last_clean.json"},
	} {
		got, err := s.List(ctx, c.folder, c.recursive)
		slices.Sort(got)
		if text := strings.Join(got, " "); errors.Is(err, fs.ErrNotExist) != (c.want == "-") || c.want != "-" && (text != c.want || err != nil) {
			t.Errorf("%q, %t: %q, %v; want %q", c.folder, c.recursive, text, err, c.want)
		}
	}
	for key, want := range map[string]string{
		"certificates/ca/a.example/a.example.crt": "file 39", "last_clean.json": "file 15", "certificates/ca": "folder",
		"certificates/ca/b.example": "", "certificates/ca/b.example/b.example.crt": "", "gone/x": "", "gone": "", "last": "",
	} {
		value, loadErr := s.Load(ctx, key)
		info, err := s.Stat(ctx, key)
		got := ""
		switch {
		case err == nil && info.IsTerminal:
			got = fmt.Sprintf("file %d", info.Size)
		case err == nil:
			got = "folder"
		case !errors.Is(err, fs.ErrNotExist):
			t.Errorf("%s: %v", key, err)
		}
		if got != want || s.Exists(ctx, key) != (want != "") {
			t.Errorf("%s is %q, want %q", key, got, want)
		}
		if strings.HasPrefix(want, "file") && (loadErr != nil || string(value) != key || time.Since(info.Modified).Abs() > time.Minute) {
			t.Errorf("%s has %q, %v, of %s", key, value, loadErr, info.Modified)
		}
		if want == "" && !errors.Is(loadErr, fs.ErrNotExist) && !errors.Is(loadErr, counters.ErrLost) {
			t.Errorf("%s: %v", key, loadErr)
		}
	}
}

const crt = "certificates/ca/a.example/a.example.crt"

// TestTrials cost the store nothing.
func TestTrials(t *testing.T) {
	s, ctx := new(Storage), t.Context()
	for _, err := range []error{s.Store(ctx, "rw_test_1", []byte("1")), s.Store(ctx, "rw_test_2", nil), s.Delete(ctx, "rw_test_2")} {
		if err != nil {
			t.Error(err)
		}
	}
	if value, err := s.Load(ctx, "rw_test_1"); string(value) != "1" || err != nil {
		t.Errorf("%q, %v", value, err)
	}
}

// TestValuesAreSealed: neither the store nor the disk has what was written, and no file can take
// the place of another.
func TestValuesAreSealed(t *testing.T) {
	redis, dir := need.Redis(t), t.TempDir()
	s, _ := provision(t, redis.Addr, "a", secretOne, dir)
	ctx := context.Background()
	for _, key := range []string{crt, "acme/key", "acme/other"} {
		if err := s.Store(ctx, key, []byte("very private "+key)); err != nil {
			t.Fatal(err)
		}
	}
	const files = "theriac:files:{theriac:nodes}"
	if raw := redis.Do("HGETALL", files); strings.Contains(raw, "private") || !strings.Contains(raw, crt) {
		t.Errorf("the store has %q", raw)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		raw, err := os.ReadFile(filepath.Join(dir, entry.Name()))
		info, statErr := entry.Info()
		if err != nil || statErr != nil || bytes.Contains(raw, []byte("private")) || bytes.Contains(raw, []byte("example")) || info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %s and %q", entry.Name(), info.Mode(), raw)
		}
	}
	if len(entries) != 4 { // and the name of the store
		t.Errorf("%d files", len(entries))
	}
	stranger, _ := provision(t, redis.Addr, "b", secretTwo, t.TempDir())
	if _, err := stranger.Load(ctx, crt); !errors.Is(err, errUnknownKey) || !strings.Contains(err.Error(), crt) {
		t.Errorf("with another secret: %v", err)
	}
	fresh, _ := provision(t, redis.Addr, "c", secretOne, t.TempDir())
	redis.Do("HSET", files, "acme/other", redis.Do("HGET", files, "acme/key"))
	if _, err := fresh.Load(ctx, "acme/other"); !errors.Is(err, errChanged) || errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "acme/other") {
		t.Errorf("swapped: %v", err)
	}
	if value, err := s.Load(ctx, "acme/other"); string(value) != "very private acme/other" {
		t.Errorf("with a copy: %q, %v", value, err)
	}
}

// TestTheSecretIsRotated in three steps, edge by edge; at its end the first secret opens nothing.
func TestTheSecretIsRotated(t *testing.T) {
	redis := need.Redis(t)
	dirs := map[string]string{"a": t.TempDir(), "b": t.TempDir()}
	ctx := context.Background()
	for step, secret := range []string{secretOne, secretOne + "\n" + secretTwo, secretTwo + "\n" + secretOne, secretTwo} {
		for _, node := range []string{"a", "b"} {
			s, end := provision(t, redis.Addr, node, secret, dirs[node])
			if step == 0 && node == "a" {
				if err := s.Store(ctx, crt, []byte("1")); err != nil {
					t.Fatal(err)
				}
			}
			if value, err := s.Load(ctx, crt); string(value) != "1" {
				t.Errorf("step %d, edge %s: %q, %v", step, node, value, err)
			}
			if n := s.mirror.foreign; n > 0 {
				t.Errorf("step %d, edge %s: %d files of the copy cannot be opened", step, node, n)
			}
			if err := s.round(ctx); err != nil { // as within ten seconds
				t.Error(err)
			}
			if err := s.mirror.setStore(s.mirror.store, s.sealer()); err != nil {
				t.Error(err)
			}
			end()
		}
	}
	s, _ := provision(t, redis.Addr, "c", secretOne, t.TempDir())
	if _, err := s.Load(ctx, crt); !errors.Is(err, errUnknownKey) {
		t.Errorf("with the first secret: %v", err)
	}
}

// TestAnEmptiedStore gets what the edges have, and what was deleted stays deleted.
func TestAnEmptiedStore(t *testing.T) {
	redis := need.Redis(t)
	ctx := context.Background()
	dirs := map[string]string{"a": t.TempDir(), "b": t.TempDir()}
	a, endA := provision(t, redis.Addr, "a", secretOne, dirs["a"])
	b, endB := provision(t, redis.Addr, "b", secretOne, dirs["b"])
	for _, err := range []error{a.Store(ctx, crt, []byte("1")), a.Store(ctx, "acme/key", []byte("2")), b.Store(ctx, "acme/other", []byte("3"))} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if _, err := b.Load(ctx, crt); err != nil {
		t.Fatal(err)
	}
	// b has a copy of the key, and a deletes it: that it is old, and not lost by a failover.
	if _, err := b.Load(ctx, "acme/key"); err != nil {
		t.Fatal(err)
	}
	if err := a.Delete(ctx, "acme/key"); err != nil {
		t.Fatal(err)
	}
	b.mirror.mu.Lock()
	old := b.mirror.known["acme/key"]
	old.modified = time.Now().Add(-time.Hour)
	b.mirror.known["acme/key"] = old
	b.mirror.mu.Unlock()
	if _, err := b.Load(ctx, "acme/key"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("deleted: %v", err)
	}
	endA()
	endB()
	redis.Kill()
	redis.RestartEmpty()
	b, _ = provision(t, redis.Addr, "b", secretOne, dirs["b"])
	if value, err := b.Load(ctx, crt); string(value) != "1" {
		t.Errorf("emptied: %q, %v", value, err)
	}
	c, _ := provision(t, redis.Addr, "c", secretOne, t.TempDir())
	if err := c.round(ctx); err != nil {
		t.Fatal(err)
	}
	if got, want := strings.Join(c.mirror.list(""), " "), "acme/other "+crt; got != want {
		t.Errorf("a new edge has %q, want %q", got, want)
	}
}

// TestWithoutTheStore: an edge that starts then has its copy, which damage is told from, and new
// names do not keep it from starting; nobody gets a lock.
func TestWithoutTheStore(t *testing.T) {
	redis, dir := need.Redis(t), t.TempDir()
	ctx := context.Background()
	s, end := provision(t, redis.Addr, "a", secretOne, dir)
	for _, key := range []string{crt, "acme/damaged"} {
		if err := s.Store(ctx, key, []byte(key)); err != nil {
			t.Fatal(err)
		}
	}
	end()
	redis.Kill()
	damaged := filepath.Join(dir, nameOf("acme/damaged"))
	raw, err := os.ReadFile(damaged)
	if err == nil {
		err = os.WriteFile(damaged, raw[:len(raw)-1], 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	s, _ = provision(t, redis.Addr, "a", secretOne, dir)
	if value, err := s.Load(ctx, crt); string(value) != crt {
		t.Errorf("%q, %v", value, err)
	}
	if _, err := s.Load(ctx, "acme/damaged"); err == nil || errors.Is(err, fs.ErrNotExist) || s.mirror.foreign != 1 {
		t.Errorf("damaged: %v; %d", err, s.mirror.foreign)
	}
	if _, err := s.Load(ctx, "certificates/ca/new.example/new.example.crt"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a new name: %v", err)
	}
	short, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
	defer cancel()
	if err := s.Lock(short, "issue_cert_new.example"); err == nil {
		t.Error("there is a lock")
	}
	redis.Restart()
	if err := s.Lock(ctx, "issue_cert_new.example"); err != nil {
		t.Errorf("when the store is back: %v", err)
	}
}

// TestTokens: other edges have a token as soon as they are told, and ones that nobody knows cost
// the store nothing.
func TestTokens(t *testing.T) {
	redis := need.Redis(t)
	ctx := context.Background()
	a, _ := provision(t, redis.Addr, "a", secretOne, t.TempDir())
	b, _ := provision(t, redis.Addr, "b", secretOne, t.TempDir())
	const token = "acme/ca/challenge_tokens/a.example.json"
	if err := a.Store(ctx, token, []byte("1")); err != nil {
		t.Fatal(err)
	}
	if err := b.Store(ctx, "acme/key", []byte("1")); err != nil { // connects
		t.Fatal(err)
	}
	sample.Within(t, 5*time.Second, "the other edge knows of the token", func() bool {
		value, err := b.Load(ctx, token)
		return err == nil && string(value) == "1"
	})
	before := b.app.Store().Status().Commands
	for i := range 100_000 {
		if _, err := b.Load(ctx, fmt.Sprintf("acme/ca/challenge_tokens/%d.example.json", i)); !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
	}
	if sent := b.app.Store().Status().Commands - before; sent > 10 {
		t.Errorf("100,000 unknown tokens made %d commands", sent)
	}
	if err := a.Delete(ctx, token); err != nil {
		t.Fatal(err)
	}
	sample.Within(t, 5*time.Second, "the other edge knows that it is gone", func() bool {
		_, err := b.Load(ctx, token)
		return errors.Is(err, fs.ErrNotExist)
	})
	if all := append(a.mirror.list(""), b.mirror.list("")...); len(all) != 1 {
		t.Errorf("copied: %q", all)
	}
}
