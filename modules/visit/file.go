package visit

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/caddyserver/caddy/v2"
	"go.uber.org/zap"
)

// A file holds what shops know of a crawler beside the configuration: published ranges or
// keys. All shops that use it share one. It is read again when it changes; content that
// cannot be parsed changes nothing.
type file[T any] struct {
	path    string
	read    func(raw []byte, written time.Time) (content T, dated time.Time, err error)
	old     time.Duration // the age for a warning; 0: none
	log     func() *zap.Logger
	version atomic.Pointer[version[T]]

	// Used by the watcher alone, once the file is open.
	seen    stamp
	trouble string
	stale   bool
}

// edgeLog returns the logger of the current configuration: files outlive the one that
// opened them.
func edgeLog() *zap.Logger { return caddy.Log().Named("http.handlers.shop_visit") }

// version is the content of a file, and its date.
type version[T any] struct {
	content T
	dated   time.Time
}

// stamp tells two versions of a file apart without reading it.
type stamp struct {
	written time.Time
	size    int64
}

// watched is a file of any kind.
type watched interface{ refresh(now time.Time) }

// maxFile bounds a file; the longest published lists have some thousand lines.
const maxFile = 8 << 20

// pollInterval is how often files are checked for changes.
const pollInterval = time.Minute

// files are the open files of all shops, by kind and path.
var files = caddy.NewUsagePool()

type fileKey struct{ kind, path string }

// share returns what another shop has opened under the same path, or opens it. The last
// call of a release closes it.
func share[T caddy.Destructor](kind, path string, open func(path string) (T, error)) (found T, release func() error, err error) {
	full, err := filepath.Abs(path)
	if err != nil {
		return found, nil, fmt.Errorf("finding %s: %w", path, err)
	}
	key := fileKey{kind, full}
	value, _, err := files.LoadOrNew(key, func() (caddy.Destructor, error) { return open(full) })
	if err != nil {
		return found, nil, err
	}
	return value.(T), func() error {
		_, err := files.Delete(key)
		return err
	}, nil
}

// open reads the file for the first time, when any error is fatal.
func (f *file[T]) open() error {
	if _, err := f.load(); err != nil {
		return err
	}
	_, _, err := watchers.LoadOrNew(theWatcher, startWatcher)
	return err
}

// Destruct removes the file from the watcher, which stops with the last file.
func (f *file[T]) Destruct() error {
	_, err := watchers.Delete(theWatcher)
	return err
}

func (f *file[T]) content() T { return f.version.Load().content }

// load reads the file if it has changed since the last time.
func (f *file[T]) load() (changed bool, err error) {
	opened, err := os.Open(f.path)
	if err != nil {
		return false, fmt.Errorf("reading %s: %w; check that it exists and that this user may read it", f.path, err)
	}
	defer opened.Close()
	info, err := opened.Stat()
	if err != nil {
		return false, fmt.Errorf("reading %s: %w", f.path, err)
	}
	now := stamp{info.ModTime(), info.Size()}
	if now == f.seen {
		return false, nil
	}
	raw, err := io.ReadAll(io.LimitReader(opened, maxFile+1))
	if err == nil && len(raw) > maxFile {
		err = fmt.Errorf("more than %d bytes: is it the right file?", maxFile)
	}
	if err == nil && int64(len(raw)) != now.size {
		err = errors.New("it changed while it was read; write to another file and rename it")
	}
	if err != nil {
		return false, fmt.Errorf("reading %s: %w", f.path, err)
	}
	content, dated, err := f.read(raw, now.written)
	if err != nil {
		return false, fmt.Errorf("reading %s: %w", f.path, err)
	}
	f.version.Store(&version[T]{content, dated})
	f.seen = now
	return true, nil
}

// refresh reads the file again if it has changed. It logs each change of its condition
// once.
func (f *file[T]) refresh(now time.Time) {
	changed, err := f.load()
	switch {
	case err != nil && f.trouble != err.Error():
		f.trouble = err.Error()
		f.log().Error("cannot read a crawler file; using its previous content", zap.Error(err))
	case err == nil && (changed || f.trouble != ""):
		f.trouble = ""
		f.log().Info("crawler file read", zap.String("file", f.path))
	}
	dated := f.version.Load().dated
	stale := f.old > 0 && now.Sub(dated) > f.old
	if stale && !f.stale {
		f.log().Warn("crawler file is outdated: check that it is still fetched; crawlers may use addresses that it does not have",
			zap.String("file", f.path), zap.Time("dated", dated))
	}
	f.stale = stale
}

// watchers holds the one watcher of all files, while there are files.
var watchers = caddy.NewUsagePool()

const theWatcher = "watcher"

// watcher polls all open files.
type watcher struct {
	stop context.CancelFunc
	done chan struct{}
}

func startWatcher() (caddy.Destructor, error) {
	ctx, stop := context.WithCancel(context.Background())
	w := &watcher{stop: stop, done: make(chan struct{})}
	go w.run(ctx)
	return w, nil
}

func (w *watcher) run(ctx context.Context) {
	defer close(w.done)
	ticker := time.NewTicker(pollInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-ticker.C:
			for _, f := range openFiles() {
				f.refresh(now)
			}
		}
	}
}

// Destruct stops the watcher and waits for it.
func (w *watcher) Destruct() error {
	w.stop()
	<-w.done
	return nil
}

// openFiles returns the files, so that the pool is not locked while they are read.
func openFiles() (open []watched) {
	files.Range(func(_, value any) bool {
		if f, ok := value.(watched); ok {
			open = append(open, f)
		}
		return true
	})
	return open
}
