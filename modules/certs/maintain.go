package certs

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"go.uber.org/zap"

	"github.com/theriac-edge/theriac/counters"
)

const (
	lookEvery  = 10 * time.Second // whether the secret has changed
	roundEvery = time.Hour
	roundFirst = 30 * time.Second
)

// do calls the store. One that this edge does not know is opened first.
func (s *Storage) do(ctx context.Context, call func() error) error {
	if s.app.Connect(); s.files.Lost() {
		wait, cancel := context.WithTimeout(ctx, awaitStore)
		s.files.Await(wait)
		cancel()
	}
	s.mirror.joining.RLock()
	err := call()
	s.mirror.joining.RUnlock()
	if !errors.Is(err, counters.ErrAnother) {
		return err
	}
	if err := s.join(ctx); err != nil {
		return err
	}
	s.mirror.joining.RLock()
	defer s.mirror.joining.RUnlock()
	return call()
}

// join opens the store. If the copy is of another one, this one was emptied, as by a restart
// without data: it gets what the copy has, because otherwise every edge would order every
// certificate anew.
func (s *Storage) join(ctx context.Context) error {
	s.mirror.joining.Lock()
	defer s.mirror.joining.Unlock()
	name, err := s.files.Open(ctx)
	if err != nil || s.mirror.isOf(name) {
		return err
	}
	sealer, given := s.sealer(), 0
	for _, path := range s.mirror.list("") {
		file, err := s.mirror.get(path, sealer)
		if err != nil {
			continue // it is damaged, or of another secret
		}
		file.Value = sealer.seal(path, file.Value)
		if err = s.files.PutNew(ctx, file); err == nil {
			given++
		} else if !errors.Is(err, counters.ErrKept) {
			return fmt.Errorf("giving the store what this edge has a copy of: %w", err)
		}
	}
	if given > 0 {
		s.log.Warn("the shared store was emptied, or is another one: it has got the certificates that this edge has a copy of", zap.Int("files", given))
	}
	s.noteCopy(s.mirror.setStore(name, sealer))
	return nil
}

// maintain is the loop that keeps the copy complete, and seals files with a new secret.
func (s *Storage) maintain(ctx context.Context) {
	next, sealedBy := time.Now().Add(roundFirst), string(s.sealer().ids[0])
	for ticks := time.NewTicker(lookEvery); ; {
		select {
		case <-ctx.Done():
			ticks.Stop()
			return
		case <-ticks.C:
		}
		key := string(s.sealer().ids[0])
		if s.files.Lost() || key == sealedBy && time.Now().Before(next) {
			continue
		}
		if err := s.round(ctx); err != nil {
			if ctx.Err() == nil && !errors.Is(err, counters.ErrLost) {
				s.log.Warn("comparing this edge's copy with the store", zap.Error(err))
			}
			continue
		}
		next, sealedBy = time.Now().Add(roundEvery), key
	}
}

// round copies all files, and removes the copies of those that are gone.
func (s *Storage) round(ctx context.Context) error {
	var all []string
	err := s.do(ctx, func() (err error) {
		all, err = s.files.List(ctx, "", true)
		return err
	})
	if err != nil {
		return err
	}
	there := make(map[string]bool, len(all))
	for _, path := range all {
		there[path] = true
		if isPassing(path) {
			continue
		}
		if _, err := s.load(ctx, path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	for _, path := range s.mirror.list("") {
		if !there[path] {
			if _, err := s.load(ctx, path); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
	}
	return nil
}

// noteCopy notes that the copy could not be written: the edge goes on, and would not start with
// everything if the store were lost.
func (s *Storage) noteCopy(err error) {
	if err == nil {
		return
	}
	mirrorErrors.Inc()
	s.rarely.Do(func() {
		s.log.Error("this edge's copy of the certificates cannot be written: free some space, or correct the owner of the directory", zap.Error(err))
	})
}
