package visit

import (
	"context"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/gaissmai/bart"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/theriac-edge/theriac/modules/shield"
)

// write puts content into a file as a careful operator does: elsewhere, then
// moved.
func write(t testing.TB, path, content string, at time.Time) {
	t.Helper()
	draft := path + ".new"
	if err := os.WriteFile(draft, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(draft, at, at); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(draft, path); err != nil {
		t.Fatal(err)
	}
}

// provisioned is a partner of a configuration that ends with the test.
func provisioned(t testing.TB, p *Partner) *Partner {
	t.Helper()
	ctx, cancel := caddy.NewContext(caddy.Context{Context: context.Background()})
	t.Cleanup(func() {
		cancel()
		if err := (&Handler{Partners: []*Partner{p}}).Cleanup(); err != nil {
			t.Error(err)
		}
	})
	if err := p.provision(ctx, new(shield.App), "loewen"); err != nil {
		t.Fatal(err)
	}
	if err := p.validate(); err != nil {
		t.Fatal(err)
	}
	return p
}

// heard opens published ranges whose log the test reads; partners that name
// the file afterwards share them.
func heard(t testing.TB, path string) *observer.ObservedLogs {
	t.Helper()
	core, logs := observer.New(zapcore.InfoLevel)
	_, release, err := share("ranges", path, func(path string) (*ranges, error) {
		r := &ranges{file[*bart.Lite]{path: path, read: readRanges, old: oldRanges, log: func() *zap.Logger { return zap.New(core) }}}
		return r, r.open()
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := release(); err != nil {
			t.Error(err)
		}
	})
	return logs
}

// said is what was logged since it was asked last.
func said(logs *observer.ObservedLogs) string {
	var lines []string
	for _, entry := range logs.TakeAll() {
		lines = append(lines, entry.Level.String()+": "+entry.Message)
	}
	return strings.Join(lines, "\n")
}

// A file that changes is read again within a minute, one that breaks is not
// taken over, and both are said once.
func TestRewrittenFileIsReadAgain(t *testing.T) {
	path := filepath.Join(t.TempDir(), "bot.json")
	synctest.Test(t, func(t *testing.T) {
		old, next := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("203.0.113.1")
		write(t, path, published, time.Now())
		logs := heard(t, path)
		p := provisioned(t, &Partner{Ranges: []string{path}})
		for _, step := range []struct {
			what, content string
			wantOld       bool
			wantSaid      string
		}{
			{"nothing changed", "", true, ""},
			{"it broke", "<html>", true, "error: cannot read a crawler file; using its previous content"},
			{"it is still broken", "", true, ""},
			{"it is whole", "203.0.113.0/24\n", false, "info: crawler file read"},
			{"nothing changed since", "", false, ""},
			{"it is gone", "-", false, "error: cannot read a crawler file; using its previous content"},
			{"it is back", "203.0.113.0/24\n", false, "info: crawler file read"},
		} {
			switch step.content {
			case "":
			case "-":
				if err := os.Remove(path); err != nil {
					t.Fatal(err)
				}
			default:
				write(t, path, step.content, time.Now())
			}
			time.Sleep(pollInterval + time.Second)
			synctest.Wait()
			if got := p.crawler.inRanges(old); got != step.wantOld {
				t.Errorf("%s: the old range holds is %v, want %v", step.what, got, step.wantOld)
			}
			if got := p.crawler.inRanges(next); got == step.wantOld {
				t.Errorf("%s: the new range holds is %v, want %v", step.what, got, !step.wantOld)
			}
			if got := said(logs); got != step.wantSaid {
				t.Errorf("%s: said %q, want %q", step.what, got, step.wantSaid)
			}
		}
	})
}

// Outdated ranges are logged once, and have their age as a metric.
func TestOutdatedRangesAreLogged(t *testing.T) {
	path := filepath.Join(t.TempDir(), "bot.json")
	synctest.Test(t, func(t *testing.T) {
		write(t, path, "192.0.2.0/24\n", time.Now())
		logs := heard(t, path)
		time.Sleep(oldRanges - time.Minute)
		synctest.Wait()
		if got := said(logs); got != "" {
			t.Errorf("before it is old: %q", got)
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		if got := said(logs); !strings.HasPrefix(got, "warn: crawler file is outdated") || strings.Contains(got, "\n") {
			t.Errorf("when it is old: %q, want one warning", got)
		}
		if got, want := agesNow(t)["bot.json"], (oldRanges + 59*time.Minute).Seconds(); got != want {
			t.Errorf("it is %v s old, want %v", got, want)
		}
		write(t, path, "192.0.2.0/24\n", time.Now())
		time.Sleep(2 * pollInterval)
		synctest.Wait()
		if got, want := said(logs), "info: crawler file read"; got != want {
			t.Errorf("when it is new again: %q, want %q", got, want)
		}
		if got := agesNow(t)["bot.json"]; got != (2 * pollInterval).Seconds() {
			t.Errorf("it is %v s old, want %v", got, (2 * pollInterval).Seconds())
		}
	})
	if got := agesNow(t); len(got) != 0 {
		t.Errorf("files that are not used have ages: %v", got)
	}
}

func agesNow(t testing.TB) map[string]float64 {
	t.Helper()
	registry := prometheus.NewPedanticRegistry()
	if err := registry.Register(ages{}); err != nil {
		t.Fatal(err)
	}
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	found := make(map[string]float64)
	for _, family := range families {
		for _, metric := range family.GetMetric() {
			found[metric.GetLabel()[0].GetValue()] = metric.GetGauge().GetValue()
		}
	}
	return found
}

// Hundreds of shops with the same crawlers share one table, one ring of keys
// and four workers, and leave nothing behind.
func TestShopsShareCrawlers(t *testing.T) {
	before := goleak.IgnoreCurrent()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "bot.json"), published, time.Now())
	ring, _ := newSigner(t)
	write(t, filepath.Join(dir, "keys.json"), ring, time.Now())
	t.Run("300 shops", func(t *testing.T) {
		var first *Partner
		for range 300 {
			p := provisioned(t, &Partner{
				Ranges: []string{filepath.Join(dir, "bot.json")}, SignedBy: filepath.Join(dir, ".", "keys.json"),
				ReverseDNS: []string{"crawler.example"}, Resolver: "127.0.0.1:53", Agent: []string{"Bot"}, Burst: 1,
			})
			if first == nil {
				first = p
			}
			if p.crawler.ranges[0] != first.crawler.ranges[0] || p.crawler.signers != first.crawler.signers || p.crawler.reverse != first.crawler.reverse {
				t.Fatal("two shops have two tables")
			}
		}
		if got := len(openFiles()); got != 2 {
			t.Errorf("%d files are open, want 2", got)
		}
		if goleak.Find(before) == nil {
			t.Error("goleak does not see the workers")
		}
	})
	if got := len(openFiles()); got != 0 {
		t.Errorf("%d files are open after the last shop is gone", got)
	}
	if err := goleak.Find(before); err != nil {
		t.Error(err)
	}
}
