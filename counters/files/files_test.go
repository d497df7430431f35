package files

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/counters/tier"
	"github.com/theriac-edge/theriac/test/need"
	"github.com/theriac-edge/theriac/test/sample"
)

func TestMain(m *testing.M) { sample.Main(m) }

// edge returns the files of an edge that shares the store.
func edge(t testing.TB, addresses ...string) *Files {
	t.Helper()
	connection, err := tier.New(tier.Options{Addresses: addresses, Deadline: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	f := New(connection)
	t.Cleanup(func() {
		f.Close()
		if err := connection.Close(); err != nil {
			t.Error(err)
		}
	})
	connection.Start()
	f.Await(t.Context())
	if f.Lost() {
		t.Fatal("the store is lost:", connection.Status().Reason)
	}
	if _, err := f.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	return f
}

// each runs a test with two edges that share a store.
func each(t *testing.T, test func(t *testing.T, here, there *Files)) {
	t.Parallel()
	t.Run("Redis", func(t *testing.T) {
		addr := need.Redis(t).Addr
		test(t, edge(t, addr), edge(t, addr))
	})
	t.Run("a Cluster", func(t *testing.T) {
		nodes := need.RedisCluster(t)
		addresses := []string{nodes[0].Addr, nodes[1].Addr, nodes[2].Addr}
		test(t, edge(t, addresses...), edge(t, addresses...))
	})
}

func write(t testing.TB, f *Files, paths ...string) {
	t.Helper()
	for _, path := range paths {
		if err := f.Put(t.Context(), File{Path: path, Value: []byte(path)}, ""); err != nil {
			t.Fatal(err)
		}
	}
}

func TestFilesAreListedByFolder(t *testing.T) {
	each(t, func(t *testing.T, here, there *Files) {
		write(t, here, "a/b/c", "a/b/d", "a/b.crt", "a/b0", "a/é", "ab/c", "a/b/e/f/g", "z")
		for name, c := range map[string]struct {
			folder string
			deep   bool
			want   string
		}{
			"a folder":                  {"a", false, "a/b.crt a/b/ a/b0 a/é"},
			"all below it":              {"a", true, "a/b.crt a/b/c a/b/d a/b/e/f/g a/b0 a/é"},
			"everything":                {"", true, "a/b.crt a/b/c a/b/d a/b/e/f/g a/b0 a/é ab/c z"},
			"the outermost":             {"", false, "a/ ab/ z"},
			"one below":                 {"a/b", false, "a/b/c a/b/d a/b/e/"},
			"a name is no folder's":     {"a/b.", true, ""},
			"a file is no folder":       {"z", false, ""},
			"what only looks like that": {"a%b", true, ""},
		} {
			all, err := there.List(t.Context(), c.folder, c.deep)
			if got := strings.Join(all, " "); err != nil || got != c.want {
				t.Errorf("%s: %q, want %q: %v", name, got, c.want, err)
			}
		}
		if err := there.Remove(t.Context(), "a/b", ""); err != nil {
			t.Error(err)
		}
		if all, err := here.List(t.Context(), "", true); err != nil || strings.Join(all, " ") != "a/b.crt a/b0 a/é ab/c z" {
			t.Errorf("without a/b: %q, %v", all, err)
		}
		if err := there.Remove(t.Context(), "a/b", ""); err != nil {
			t.Errorf("what is not there: %v", err)
		}
	})
}

// TestLongFolders: more than one answer has room for.
func TestLongFolders(t *testing.T) {
	each(t, func(t *testing.T, here, _ *Files) {
		for i := range 2*page + 1 {
			write(t, here, fmt.Sprintf("c/%04d/crt", i), fmt.Sprintf("c/%04d/key", i))
		}
		for deep, want := range map[bool]int{false: 2*page + 1, true: 4*page + 2} {
			if all, err := here.List(t.Context(), "c", deep); err != nil || len(all) != want {
				t.Errorf("deep %t: %d, want %d: %v", deep, len(all), want, err)
			}
		}
	})
}

func TestFilesThatAreRefused(t *testing.T) {
	each(t, func(t *testing.T, here, there *Files) {
		ctx := t.Context()
		write(t, here, "a")
		for name, c := range map[string]struct {
			err, want error
		}{
			"no path":            {here.Put(ctx, File{}, ""), ErrInvalid},
			"a long path":        {here.Put(ctx, File{Path: strings.Repeat("a", MaxPath+1)}, ""), ErrInvalid},
			"a large one":        {here.Put(ctx, File{Path: "b", Value: make([]byte, MaxValue+1)}, ""), ErrInvalid},
			"the largest":        {here.Put(ctx, File{Path: "b", Value: make([]byte, MaxValue)}, ""), nil},
			"new, but there":     {there.PutNew(ctx, File{Path: "a"}), ErrKept},
			"new":                {there.PutNew(ctx, File{Path: "c"}), nil},
			"it has changed":     {there.Replace(ctx, File{Path: "a", Value: []byte("1")}, []byte("b")), ErrKept},
			"it has not changed": {there.Replace(ctx, File{Path: "a", Value: []byte("\x00\n1")}, []byte("a")), nil},
			"a lock of no name":  {here.Lock(ctx, ""), ErrInvalid},
			"a lock not taken":   {here.Renew(ctx, "x"), ErrFenced},
		} {
			if !errors.Is(c.err, c.want) || c.want == nil && c.err != nil {
				t.Errorf("%s: %v, want %v", name, c.err, c.want)
			}
		}
		at := time.UnixMilli(1_800_000_000_123)
		if err := here.Put(ctx, File{Path: "d", Modified: at}, ""); err != nil {
			t.Error(err)
		}
		if d, err := there.Get(ctx, "d"); err != nil || !d.Modified.Equal(at) || len(d.Value) > 0 {
			t.Errorf("%+v, %v", d, err)
		}
		if a, err := there.Get(ctx, "a"); err != nil || string(a.Value) != "\x00\n1" || time.Since(a.Modified).Abs() > time.Minute {
			t.Errorf("%+v, %v", a, err)
		}
		if _, err := here.Get(ctx, "e"); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("what is not there: %v", err)
		}
	})
}

// TestLocks: one edge has a lock, and another gets it when it is given up.
func TestLocks(t *testing.T) {
	each(t, func(t *testing.T, here, there *Files) {
		ctx := t.Context()
		if err := here.Lock(ctx, "l"); err != nil {
			t.Fatal(err)
		}
		for _, f := range []*Files{here, there} {
			if ok, err := f.TryLock(ctx, "l"); ok || err != nil {
				t.Errorf("a lock that is held: %t, %v", ok, err)
			}
		}
		short, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
		defer cancel()
		if err := there.Lock(short, "l"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("waiting is over when the caller goes: %v", err)
		}
		waited := make(chan error)
		go func() { waited <- there.Lock(ctx, "l") }()
		if err := here.Renew(ctx, "l"); err != nil {
			t.Error(err)
		}
		if err := here.Unlock(ctx, "l"); err != nil {
			t.Error(err)
		}
		if err := <-waited; err != nil {
			t.Error(err)
		}
		if err := here.Unlock(ctx, "l"); err == nil {
			t.Error("this edge no longer had it")
		}
		if err := there.Unlock(ctx, "l"); err != nil {
			t.Error(err)
		}
	})
}

// TestALeaseThatIsOver: its holder writes no more, whether another has the lock or not. A file
// that no lock of this edge protects can be written, which shows that it is the lease.
func TestALeaseThatIsOver(t *testing.T) {
	t.Parallel()
	for name, then := range map[string]func(t *testing.T, there *Files){
		"another has the lock": func(t *testing.T, there *Files) {
			if err := there.Lock(t.Context(), "l"); err != nil {
				t.Fatal(err)
			}
		},
		"nobody has": func(*testing.T, *Files) {},
	} {
		t.Run(name, func(t *testing.T) {
			server := need.Redis(t)
			here, there := edge(t, server.Addr), edge(t, server.Addr)
			if err := here.Lock(t.Context(), "l"); err != nil {
				t.Fatal(err)
			}
			if err := here.Put(t.Context(), File{Path: "a"}, "l"); err != nil {
				t.Errorf("while it has the lock: %v", err)
			}
			server.Do("HSET", tier.Key("files:locks"), "l", "1000 "+here.held["l"].holder) // as after Lease
			then(t, there)
			for what, err := range map[string]error{
				"write": here.Put(t.Context(), File{Path: "a"}, "l"), "delete": here.Remove(t.Context(), "a", "l"), "renew": here.Renew(t.Context(), "l"),
			} {
				if !errors.Is(err, ErrFenced) {
					t.Errorf("%s: %v", what, err)
				}
			}
			if err := here.Put(t.Context(), File{Path: "a"}, "other"); err != nil {
				t.Errorf("by no lock: %v", err)
			}
		})
	}
}

// TestALostStore: calls fail at once, and what was emptied is told from what was deleted.
func TestALostStore(t *testing.T) {
	t.Parallel()
	server := need.Redis(t)
	f := edge(t, server.Addr)
	write(t, f, "a")
	server.Kill()
	sample.Within(t, 10*time.Second, "the store is lost", f.Lost)
	for what, err := range map[string]error{"write": f.Put(t.Context(), File{Path: "a"}, ""), "lock": f.Lock(t.Context(), "l")} {
		if !errors.Is(err, tier.ErrLost) {
			t.Errorf("%s: %v", what, err)
		}
	}
	server.Restart()
	sample.Within(t, 10*time.Second, "the store is back", func() bool { return !f.Lost() })
	if _, err := f.Get(t.Context(), "a"); err != nil {
		t.Errorf("with its data: %v", err)
	}
	server.Kill()
	sample.Within(t, 10*time.Second, "the store is lost", f.Lost)
	server.RestartEmpty()
	sample.Within(t, 10*time.Second, "the store is back", func() bool { return !f.Lost() })
	if _, err := f.Get(t.Context(), "a"); !errors.Is(err, ErrAnother) {
		t.Errorf("emptied: %v", err)
	}
}
