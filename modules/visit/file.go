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

// A file is what shops know of a crawler from outside of the configuration:
// published ranges, keys. All shops that name it share one; it is read again
// when it changes, and what cannot be understood changes nothing.
type file[T any] struct {
	path    string
	read    func(raw []byte, written time.Time) (content T, dated time.Time, err error)
	old     time.Duration // content older than this is worth a warning; 0: never
	log     func() *zap.Logger
	version atomic.Pointer[version[T]]

	// Of the watcher alone, once the file is open.
	seen    stamp
	trouble string
	stale   bool
}

// edgeLog is the log of the configuration in force: files outlive those that
// opened them.
func edgeLog() *zap.Logger { return caddy.Log().Named("http.handlers.shop_visit") }

// version is the content of a file, and how old it is.
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

// maxFile bounds a file: the longest lists that are published have some
// thousand lines.
const maxFile = 8 << 20

// every is how often files are looked at.
const every = time.Minute

// files are the open files of all shops, by kind and path.
var files = caddy.NewUsagePool()

type fileKey struct{ kind, path string }

// share finds what the shops before have opened under the same name, or opens
// it; who calls release last closes it.
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

// open reads the file for the first time, when it must be right.
func (f *file[T]) open() error {
	if _, err := f.load(); err != nil {
		return err
	}
	_, _, err := watchers.LoadOrNew(theWatcher, startWatcher)
	return err
}

// Destruct takes the file from the watcher, who ends with the last one.
func (f *file[T]) Destruct() error {
	_, err := watchers.Delete(theWatcher)
	return err
}

func (f *file[T]) content() T { return f.version.Load().content }

// load takes over what the file says, if it differs from what was read last.
func (f *file[T]) load() (changed bool, err error) {
	opened, err := os.Open(f.path)
	if err != nil {
		return false, fmt.Errorf("reading %s: %w; does it exist, and may this user read it?", f.path, err)
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
		err = fmt.Errorf("it has more than %d bytes; is it the right file?", maxFile)
	}
	if err == nil && int64(len(raw)) != now.size {
		err = errors.New("it changed while it was read; write it elsewhere and move it here")
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

// refresh reads the file again if it has changed. It tells operators what
// changed for better or worse, once.
func (f *file[T]) refresh(now time.Time) {
	changed, err := f.load()
	switch {
	case err != nil && f.trouble != err.Error():
		f.trouble = err.Error()
		f.log().Error("going on with what the file said before", zap.Error(err))
	case err == nil && (changed || f.trouble != ""):
		f.trouble = ""
		f.log().Info("read a file of crawlers", zap.String("file", f.path))
	}
	dated := f.version.Load().dated
	stale := f.old > 0 && now.Sub(dated) > f.old
	if stale && !f.stale {
		f.log().Warn("a file of crawlers is old: crawlers may come from addresses that it does not know; is it still fetched?",
			zap.String("file", f.path), zap.Time("dated", dated))
	}
	f.stale = stale
}

// watchers holds the one watcher of all files, while there are any.
var watchers = caddy.NewUsagePool()

const theWatcher = "watcher"

// watcher looks at all open files.
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
	ticker := time.NewTicker(every)
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

// Destruct ends the watcher and waits for it.
func (w *watcher) Destruct() error {
	w.stop()
	<-w.done
	return nil
}

// openFiles lists the files, so that the pool is not locked while they are
// read.
func openFiles() (open []watched) {
	files.Range(func(_, value any) bool {
		if f, ok := value.(watched); ok {
			open = append(open, f)
		}
		return true
	})
	return open
}
