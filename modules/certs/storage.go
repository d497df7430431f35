package certs

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"time"

	"github.com/caddyserver/certmagic"
	"go.uber.org/zap"

	"github.com/theriac-edge/theriac/counters"
)

const (
	awaitStore = 5 * time.Second // at the start of an edge
	lockAgain  = time.Second
	mayBeLost  = 10 * time.Minute // how young a file is that a failover may have lost
)

// Store writes a file to the store, then to the copy.
func (s *Storage) Store(ctx context.Context, key string, value []byte) error {
	if isPassing(key) {
		return s.storePassing(ctx, key, value)
	}
	sealer := s.sealer()
	file := counters.File{Path: key, Value: sealer.seal(key, value)}
	if err := s.do(ctx, func() error { return s.files.Put(ctx, file, guard(key)) }); err != nil {
		return err
	}
	s.noteCopy(s.mirror.put(counters.File{Path: key, Value: value, Modified: time.Now()}, sealer))
	return nil
}

// Load returns a file as the store has it, or the copy if the store does not answer.
func (s *Storage) Load(ctx context.Context, key string) ([]byte, error) {
	if isPassing(key) {
		return s.loadPassing(ctx, key)
	}
	file, err := s.load(ctx, key)
	return file.Value, err
}

func (s *Storage) load(ctx context.Context, key string) (file counters.File, err error) {
	sealed, err := s.fetch(ctx, key)
	sealer := s.sealer()
	switch {
	case err == nil:
		if file, err = s.open(ctx, sealed, sealer); err == nil {
			return file, nil
		}
		unopened.Inc()
		s.log.Error("a file of the shared store is refused", zap.String("file", key), zap.Error(err))
		err = fmt.Errorf("storage shield: opening %q: %w", key, err)
	case errors.Is(err, fs.ErrNotExist):
		return s.restore(ctx, key, sealer, err)
	}
	if file, missing := s.mirror.get(key, sealer); missing == nil {
		mirrorReads.Inc()
		return file, nil
	}
	if errors.Is(err, counters.ErrLost) && (strings.HasPrefix(key, "certificates/") || strings.HasPrefix(key, "ocsp/")) {
		// A new shop must not keep the edge from starting. No authority is asked: that needs a lock.
		return file, fmt.Errorf("%w in this edge's copy: %w", fs.ErrNotExist, err)
	}
	return file, err
}

func (s *Storage) fetch(ctx context.Context, key string) (sealed counters.File, err error) {
	err = s.do(ctx, func() (err error) {
		sealed, err = s.files.Get(ctx, key)
		return err
	})
	return sealed, err
}

// open opens a file of the store, copies it, and seals it anew if the secret has changed.
func (s *Storage) open(ctx context.Context, sealed counters.File, with *sealer) (file counters.File, err error) {
	value, current, err := with.open(sealed.Path, sealed.Value)
	if err != nil {
		return file, err
	}
	file = counters.File{Path: sealed.Path, Modified: sealed.Modified, Value: value}
	if !current {
		anew := counters.File{Path: file.Path, Modified: file.Modified, Value: with.seal(file.Path, value)}
		if err := s.files.Replace(ctx, anew, sealed.Value); err != nil && !errors.Is(err, counters.ErrKept) {
			s.log.Warn("sealing a file with the new secret; the next round tries again", zap.String("file", file.Path), zap.Error(err))
		}
	}
	s.noteCopy(s.mirror.put(file, with))
	return file, nil
}

// restore decides on a file that the store does not have: it was deleted, so the copy goes as
// well; or it is so young that a failover may have lost it, and is put back.
func (s *Storage) restore(ctx context.Context, key string, with *sealer, missing error) (file counters.File, err error) {
	is, ok := s.mirror.stat(key)
	if !ok {
		return file, missing
	}
	if time.Since(is.modified) < mayBeLost {
		if file, err = s.mirror.get(key, with); err == nil {
			err = s.files.PutNew(ctx, counters.File{Path: key, Modified: file.Modified, Value: with.seal(key, file.Value)})
		}
		if err == nil {
			return file, nil
		}
	}
	s.noteCopy(s.mirror.remove(key))
	return counters.File{}, missing
}

// Delete deletes a file, or a folder with all in it.
func (s *Storage) Delete(ctx context.Context, key string) error {
	if isPassing(key) {
		return s.deletePassing(ctx, key)
	}
	if err := s.do(ctx, func() error { return s.files.Remove(ctx, key, guard(key)) }); err != nil {
		return err
	}
	s.noteCopy(s.mirror.remove(key))
	return nil
}

// Exists reports whether there is a file, or a folder.
func (s *Storage) Exists(ctx context.Context, key string) bool {
	_, err := s.Stat(ctx, key)
	return err == nil
}

// Stat describes a file or a folder.
func (s *Storage) Stat(ctx context.Context, key string) (info certmagic.KeyInfo, err error) {
	sealed, err := s.fetch(ctx, key)
	if err == nil {
		return certmagic.KeyInfo{Key: key, Modified: sealed.Modified, Size: int64(max(0, len(sealed.Value)-overhead)), IsTerminal: true}, nil
	}
	if is, ok := s.mirror.stat(key); ok && !errors.Is(err, fs.ErrNotExist) {
		return certmagic.KeyInfo{Key: key, Modified: is.modified, Size: int64(is.size), IsTerminal: true}, nil
	}
	all, err := s.List(ctx, key, false)
	if err == nil && len(all) == 0 {
		err = fs.ErrNotExist
	}
	return certmagic.KeyInfo{Key: key}, err
}

// List returns what is in a folder; with recursive also what is in the folders in it.
func (s *Storage) List(ctx context.Context, folder string, recursive bool) (all []string, err error) {
	err = s.do(ctx, func() (err error) {
		all, err = s.files.List(ctx, folder, recursive)
		return err
	})
	if err != nil {
		if ctx.Err() != nil {
			return nil, err
		}
		mirrorReads.Inc()
		all = s.mirror.list(folder)
	}
	if all = withFolders(folder, all, recursive); len(all) == 0 && folder != "" {
		return nil, fmt.Errorf("listing %q: %w", folder, fs.ErrNotExist)
	}
	return all, nil
}

// withFolders returns what is in a folder, of paths in order; with recursive also what is in the
// folders in it, and these.
func withFolders(folder string, paths []string, recursive bool) (all []string) {
	seen := map[string]bool{}
	start := len(folder)
	if folder != "" {
		start++
	}
	for _, one := range paths {
		for i := start; i < len(one); i++ {
			if one[i] == '/' && !seen[one[:i]] {
				seen[one[:i]] = true
				all = append(all, one[:i])
			}
			if one[i] == '/' && !recursive {
				one = ""
			}
		}
		if one != "" && !strings.HasSuffix(one, "/") {
			all = append(all, one)
		}
	}
	return all
}

// Lock waits for a lock of the tier, and for the store if that is lost: an order whose lock fails
// is not tried again.
func (s *Storage) Lock(ctx context.Context, name string) error {
	for {
		ok, err := s.TryLock(ctx, name)
		if !ok && err == nil {
			err = s.files.Lock(ctx, lockName(name))
		}
		if err == nil || ctx.Err() != nil || errors.Is(err, counters.ErrInvalidFile) {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(lockAgain):
		}
	}
}

// TryLock takes a lock of the tier that nobody has.
func (s *Storage) TryLock(ctx context.Context, name string) (ok bool, err error) {
	err = s.do(ctx, func() (err error) {
		ok, err = s.files.TryLock(ctx, lockName(name))
		return err
	})
	return ok, err
}

// Unlock gives up a lock.
func (s *Storage) Unlock(ctx context.Context, name string) error {
	return s.files.Unlock(ctx, lockName(name))
}

// RenewLockLease renews the lease of a lock; it is renewed anyway as long as the edge lives.
func (s *Storage) RenewLockLease(ctx context.Context, name string, _ time.Duration) error {
	return s.files.Renew(ctx, lockName(name))
}

// issueLock is how CertMagic calls the lock of a certificate, before its name.
const issueLock = "issue_cert_"

// lockName is the name of a lock as guard derives it from the path of what it protects.
func lockName(name string) string {
	if host, ok := strings.CutPrefix(name, issueLock); ok {
		return issueLock + certmagic.StorageKeys.Safe(host)
	}
	return name
}

// guard is the lock that protects a file: that of its certificate. If this edge has taken it and
// its lease is over, the store refuses the write.
func guard(key string) string {
	if parts := strings.Split(key, "/"); len(parts) >= 3 && parts[0] == "certificates" {
		return issueLock + parts[2]
	}
	return ""
}

// isPassing reports whether a file is for moments only, and not copied: tokens of challenges, and
// what CertMagic tries the storage with.
func isPassing(key string) bool {
	return path.Base(path.Dir(key)) == "challenge_tokens" || isTrial(key)
}

func (s *Storage) sealer() *sealer { return newSealer(s.app.Derive(label)) }
