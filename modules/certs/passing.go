package certs

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"golang.org/x/time/rate"

	"github.com/theriac-edge/theriac/counters"
)

// tokenLife is how long an authority may take to ask for a token.
const tokenLife = time.Hour

// tellFor is how long the other edges have to hear of a token: that is a heartbeat, if messages
// between edges do not come through.
const tellFor = 1500 * time.Millisecond

// untold are look-ups of tokens that this edge has not been told of, in case it is late.
var untold = rate.NewLimiter(rate.Every(10*time.Second), 5)

// tokenID is the id by which all edges know that there is a token.
func tokenID(key string) string { return nameOf(key) }

// isTrial reports whether CertMagic only tries the storage, before each order. That stays in the
// process: an order whose trial fails is not tried again, and the lock that follows waits.
func isTrial(key string) bool { return strings.HasPrefix(key, "rw_test_") }

// storePassing writes a token, then tells all edges of it.
func (s *Storage) storePassing(ctx context.Context, key string, value []byte) error {
	if isTrial(key) {
		s.trials.Store(key, bytes.Clone(value))
		return nil
	}
	file := counters.File{Path: key, Value: s.sealer().seal(key, value)}
	if err := s.do(ctx, func() error { return s.files.Put(ctx, file, "") }); err != nil {
		return err
	}
	if err := s.app.Store().Set(ctx, counters.Token, tokenID(key), "", tokenLife, counters.Automatic); err != nil {
		return fmt.Errorf("telling the other edges of a token: %w", err)
	}
	select { // the authority asks any edge, once: so all are to have heard
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(tellFor):
		return nil
	}
}

// loadPassing reads a token that an edge has told of. Others are looked for so rarely that it
// costs nothing: a client may ask for whatever it likes, before any limit.
func (s *Storage) loadPassing(ctx context.Context, key string) ([]byte, error) {
	if value, ok := s.trials.Load(key); ok {
		return value.([]byte), nil
	}
	if _, ok := s.app.Store().Get(counters.Token, tokenID(key)); !ok && !untold.Allow() {
		return nil, fs.ErrNotExist
	}
	sealed, err := s.fetch(ctx, key)
	if err != nil {
		return nil, err
	}
	value, _, err := s.sealer().open(key, sealed.Value)
	if err != nil {
		unopened.Inc()
		return nil, fmt.Errorf("storage shield: opening %q: %w", key, err)
	}
	return value, nil
}

func (s *Storage) deletePassing(ctx context.Context, key string) error {
	if isTrial(key) {
		s.trials.Delete(key)
		return nil
	}
	if err := s.do(ctx, func() error { return s.files.Remove(ctx, key, "") }); err != nil {
		return err
	}
	// It ends by itself if that cannot be told now.
	_ = s.app.Store().Delete(ctx, counters.Token, tokenID(key), counters.Automatic)
	return nil
}
