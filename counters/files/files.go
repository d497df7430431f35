// Package files keeps small files for all edges of a tier: certificates, their keys, accounts.
//
// It stands on the tier, whose store has them until they are removed; an edge has no copy. Files
// have paths with folders, as in a file system; an index of the paths lists them, so that no
// command walks through the store. A lock has a lease, and a write by a holder that no longer
// has its lock is refused by the store in the same step. If the store is lost every call fails
// at once with tier.ErrLost. A store that was emptied, or that is another one, is told from one
// that has deleted a file by its name: see ErrAnother.
package files

import (
	"context"
	"crypto/rand"
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/theriac-edge/theriac/counters/tier"
)

// Bounds of files.
const (
	Max      = 20_000
	MaxValue = 64 << 10
	MaxPath  = 500
)

const (
	page      = 256     // paths in one answer
	pageBytes = 1 << 20 // after which there are no more
	patience  = time.Second
)

// Why nothing was done, besides tier.ErrLost and fs.ErrNotExist.
var (
	ErrFenced  = errors.New("the lease of the lock is over: another edge may have the lock, so this edge may not write")
	ErrKept    = errors.New("the store has another file there, which stays")
	ErrFull    = fmt.Errorf("the store has %d files or locks, and takes no more: delete what is not needed", Max)
	ErrInvalid = errors.New("it would not be accepted by any store")
	ErrAnother = errors.New("the store was emptied, or is another one: open it again")
)

//go:embed begin.lua
var beginLua string

//go:embed open.lua
var openLua string

//go:embed put.lua
var putLua string

//go:embed read.lua
var readLua string

//go:embed list.lua
var listLua string

//go:embed remove.lua
var removeLua string

var (
	open   = tier.NewScript(openLua)
	put    = tier.NewTimed(beginLua + putLua)
	read   = tier.NewTimed(beginLua + readLua)
	list   = tier.NewTimed(beginLua + listLua)
	remove = tier.NewTimed(beginLua + removeLua)
)

// File is a small file.
type File struct {
	Path     string
	Modified time.Time // to the millisecond
	Value    []byte
}

// Files are those of a tier, as an edge has them. Methods are safe for concurrent use.
type Files struct {
	tier *tier.Tier
	name atomic.Pointer[string] // of the store, since Open

	mu   sync.Mutex
	held map[string]*lease
}

// New makes the files of an edge.
func New(t *tier.Tier) *Files {
	f := &Files{tier: t, held: map[string]*lease{}}
	f.name.Store(new(string))
	return f
}

// Await waits until the store was reached or given up, for the first time.
func (f *Files) Await(ctx context.Context) { f.tier.Await(ctx) }

// Lost reports whether the store is not to be asked.
func (f *Files) Lost() bool { return f.tier.Lost() }

// Open returns the name of the store, which it has for as long as it forgets nothing. All calls
// fail with ErrAnother before it, and after the name has changed.
func (f *Files) Open(ctx context.Context) (name string, err error) {
	answer, err := f.run(ctx, open, rand.Text())
	if err == nil && len(answer) != 1 {
		err = errMalformed
	}
	if err != nil {
		return "", fmt.Errorf("files: opening the store: %w", err)
	}
	f.name.Store(&answer[0])
	return answer[0], nil
}

// Put writes a file, in place of the one at its path. With a lock, this edge must have it at
// that moment, or else the error is ErrFenced. A file without a time gets the tier's.
func (f *Files) Put(ctx context.Context, file File, lock string) error {
	return f.put(ctx, file, lock, "any", nil)
}

// PutNew writes a file unless there is one at its path: then the error is ErrKept.
func (f *Files) PutNew(ctx context.Context, file File) error {
	return f.put(ctx, file, "", "new", nil)
}

// Replace writes a file if the one at its path has the value before: otherwise the error is
// ErrKept.
func (f *Files) Replace(ctx context.Context, file File, before []byte) error {
	return f.put(ctx, file, "", "same", before)
}

func (f *Files) put(ctx context.Context, file File, lock, mode string, before []byte) error {
	err := checkPath(file.Path)
	if err == nil && len(file.Value) > MaxValue {
		err = fmt.Errorf("it has %d bytes, and may have %d: %w", len(file.Value), MaxValue, ErrInvalid)
	}
	modified := int64(0)
	if !file.Modified.IsZero() {
		modified = max(0, file.Modified.UnixMilli())
	}
	holder, fenced := f.fence(lock)
	if fenced {
		err = ErrFenced
	}
	if err == nil {
		_, err = f.run(ctx, put, f.known(), file.Path, file.Value, lock, holder, modified, Max, mode, before)
	}
	if err != nil {
		return fmt.Errorf("files: writing %.200q: %w", file.Path, err)
	}
	return nil
}

// Get returns a file. If there is none, the error is fs.ErrNotExist.
func (f *Files) Get(ctx context.Context, path string) (file File, err error) {
	answer, err := f.run(ctx, read, f.known(), pageBytes, path)
	if err == nil && len(answer) != 1 {
		err = errMalformed
	}
	if err == nil && answer[0] == "" {
		err = fs.ErrNotExist
	}
	if err == nil {
		modified, value, _ := strings.Cut(answer[0], " ")
		var millis int64
		if millis, err = strconv.ParseInt(modified, 10, 64); err == nil {
			return File{path, time.UnixMilli(millis), []byte(value)}, nil
		}
	}
	return file, fmt.Errorf("files: reading %.200q: %w", path, err)
}

// List returns what is in a folder, "" for the outermost, in the order of bytes: paths of files,
// and those of folders with a slash at the end. With deep it returns all files below, and no
// folders.
func (f *Files) List(ctx context.Context, folder string, deep bool) (all []string, err error) {
	if folder != "" {
		folder += "/"
	}
	mode, after := "", ""
	if deep {
		mode = "deep"
	}
	for {
		some, err := f.run(ctx, list, f.known(), folder, after, page, mode)
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return nil, fmt.Errorf("files: listing %.200q: %w", folder, err)
		}
		all = append(all, some...)
		if len(some) < page || len(all) >= Max {
			return all, nil
		}
		after = some[len(some)-1]
	}
}

// Remove deletes a file, or a folder with all in it. It is no error if there is none. With a
// lock, as for Put.
func (f *Files) Remove(ctx context.Context, path, lock string) error {
	err := checkPath(path)
	holder, fenced := f.fence(lock)
	if fenced {
		err = ErrFenced
	}
	if err == nil {
		_, err = f.run(ctx, remove, f.known(), path, lock, holder)
	}
	if err != nil {
		return fmt.Errorf("files: deleting %.200q: %w", path, err)
	}
	return nil
}

func checkPath(path string) error {
	if path == "" || len(path) > MaxPath {
		return fmt.Errorf("its path has %d bytes, and may have 1 to %d: %w", len(path), MaxPath, ErrInvalid)
	}
	return nil
}

func (f *Files) known() string { return *f.name.Load() }

var errMalformed = errors.New("the store's answer is malformed")

// refusals are what scripts say, but for "ok".
var refusals = map[string]error{"another": ErrAnother, "fenced": ErrFenced, "kept": ErrKept, "full": ErrFull, "held": errHeld}

// run runs a script, and returns what follows its "ok".
func (f *Files) run(ctx context.Context, s *tier.Script, args ...any) (answer []string, err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if f.tier.Lost() {
		return nil, fmt.Errorf("%w: try again when it is shared", tier.ErrLost)
	}
	keys := []string{tier.Key("files"), tier.Key("files:paths"), tier.Key("files:locks"), tier.ClockKey}
	err = f.tier.Run(ctx, max(patience, f.tier.Patience()), s, keys, args, func(reply tier.Reply) (err error) {
		answer, err = reply.StringSlice()
		return err
	})
	switch {
	case err != nil:
		return nil, err
	case len(answer) == 0:
		return nil, errMalformed
	case answer[0] == "ok":
		return answer[1:], nil
	case refusals[answer[0]] != nil:
		return nil, refusals[answer[0]]
	}
	return nil, errMalformed
}
