// Package certs is the module `caddy.storage.shield`: the certificates of a tier, with their keys
// and ACME accounts, in the store that its edges share.
//
// It belongs to the app shield, and is what CertMagic calls storage. Values are sealed with a key
// that is derived from the tier's secret. Each edge has a sealed copy of all of them on its disk:
// if the store is lost, an edge starts and serves what is in the copy, and asks no certificate
// authority for anything, because every order begins with a lock, which waits for the store.
package certs

import (
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/certmagic"
	"go.uber.org/zap"
	"golang.org/x/time/rate"

	"github.com/theriac-edge/theriac/counters"
	"github.com/theriac-edge/theriac/hint"
	"github.com/theriac-edge/theriac/modules/shield"
	"github.com/theriac-edge/theriac/modules/shield/metric"
	"github.com/theriac-edge/theriac/modules/shield/syntax"
)

func init() {
	caddy.RegisterModule(new(Storage))
}

// Storage keeps certificates, keys and ACME accounts for all edges of a tier, in the Redis of the
// global option `shield`. It needs `redis` and `secret` there.
type Storage struct {
	// The directory of this edge's copy, which it serves from when the store is lost. Default:
	// `mirror` in Caddy's data directory.
	Mirror string `json:"mirror,omitempty"`

	app    *shield.App
	files  *counters.Files
	mirror *mirror
	trials sync.Map // by which CertMagic tries the storage
	log    *zap.Logger
	rarely rate.Sometimes // of log lines about the copy
}

// CaddyModule says how Caddy finds the module.
func (*Storage) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "caddy.storage.shield", New: func() caddy.Module { return new(Storage) }}
}

// UnmarshalJSON reads the module.
func (s *Storage) UnmarshalJSON(raw []byte) error {
	type plain Storage
	return syntax.UnmarshalStrict(raw, "storage shield", (*plain)(s))
}

// Provision finds the app, which Caddy has not provisioned yet, and opens the copy.
func (s *Storage) Provision(ctx caddy.Context) error {
	s.log, s.rarely = ctx.Logger(), rate.Sometimes{Interval: time.Minute}
	if err := s.findApp(ctx); err != nil {
		return fmt.Errorf("storage shield: %w", err)
	}
	if err := metric.Register(ctx.GetMetricsRegistry(), mirrorReads, mirrorErrors, unopened); err != nil {
		return fmt.Errorf("storage shield: registering metrics: %w", err)
	}
	if s.Mirror = caddy.NewReplacer().ReplaceAll(s.Mirror, ""); s.Mirror == "" {
		s.Mirror = filepath.Join(caddy.AppDataDir(), "mirror")
	}
	opened, _, err := mirrors.LoadOrNew(s.Mirror, func() (caddy.Destructor, error) {
		return openMirror(s.Mirror, s.sealer())
	})
	if err != nil {
		return fmt.Errorf("storage shield: opening the copy in %s: %w", s.Mirror, err)
	}
	s.mirror = opened.(*mirror)
	if n := s.mirror.foreign; n > 0 {
		s.log.Error("files of the copy cannot be opened and are not used: they are damaged, or sealed with a secret that this edge does not have",
			zap.String("directory", s.Mirror), zap.Int("files", n))
	}
	s.files = s.app.Files()
	go s.maintain(ctx)
	return nil
}

// findApp has Caddy provision the app.
func (s *Storage) findApp(ctx caddy.Context) error {
	found, err := ctx.AppIfConfigured("shield")
	switch {
	case errors.Is(err, caddy.ErrNotConfigured):
	case err != nil:
		return err
	case found.(*shield.App).Redis != nil:
		s.app = found.(*shield.App)
		return nil
	}
	return hint.Errorf("give redis in the global option shield, or leave storage out: one edge needs none", "there is no redis that the edges share")
}

// Cleanup lets go of the copy.
func (s *Storage) Cleanup() error {
	if s.mirror == nil {
		return nil
	}
	_, err := mirrors.Delete(s.Mirror)
	return err
}

// CertMagicStorage returns the storage as CertMagic uses it.
func (s *Storage) CertMagicStorage() (certmagic.Storage, error) {
	return s, nil
}

// UnmarshalCaddyfile reads the global option:
//
//	storage shield {
//		mirror <directory>
//	}
func (s *Storage) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next() // the module's name
	if d.NextArg() {
		return d.ArgErr()
	}
	for d.NextBlock(0) {
		if d.Val() != "mirror" {
			return syntax.Unrecognized(d, "storage shield", d.Val(), "mirror")
		}
		if s.Mirror != "" {
			return d.Errf("duplicate subdirective %q", "mirror")
		}
		if !d.AllArgs(&s.Mirror) {
			return d.ArgErr()
		}
	}
	return nil
}

// Interface guards.
var (
	_ caddy.Provisioner          = (*Storage)(nil)
	_ caddy.CleanerUpper         = (*Storage)(nil)
	_ caddy.StorageConverter     = (*Storage)(nil)
	_ caddyfile.Unmarshaler      = (*Storage)(nil)
	_ certmagic.Storage          = (*Storage)(nil)
	_ certmagic.TryLocker        = (*Storage)(nil)
	_ certmagic.LockLeaseRenewer = (*Storage)(nil)
)
