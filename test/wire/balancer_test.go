package wire

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/test/edge"
	"github.com/theriac-edge/theriac/test/kit"
	"github.com/theriac-edge/theriac/test/need"
)

// balanced is an edge behind the balancer at 127.63.0.1, with a partner that proves itself
// by its address, and bans that come soon.
func balanced(backend, more string) string {
	return withServers(kit.Global("secret "+kit.Secret), "\t\ttrusted_proxies static 127.63.0.1/32\n"+more) + kit.Site(kit.AnyHost, `shield loewen {
	limit client {
		rate 1/m
		burst 8
		penalty 4 1m
	}
	limit subnet off
	partner bank {
		from 198.51.100.7
	}
}
shop_backend `+backend)
}

const strictly = "\t\ttrusted_proxies_strict\n"

// visit is a request of a visitor whom the balancer has sent on with these lines.
func visit(t testing.TB, e *edge.Edge, forwarded ...string) int {
	t.Helper()
	header := []string{"User-Agent: " + kit.UserAgent, "Accept: text/html"}
	for _, list := range forwarded {
		header = append(header, "X-Forwarded-For: "+list)
	}
	client := edge.From("127.63.0.1")
	defer client.CloseIdleConnections()
	return kit.Get(t, client, e.URL+"/product/1", header...).Status
}

// TestNobodyIsAPartnerByHisOwnWord: behind a balancer that appends, what a visitor sends
// comes first, and without strict Caddy takes it for the address.
func TestNobodyIsAPartnerByHisOwnWord(t *testing.T) {
	need.Loopback(t)
	t.Parallel()
	backend := kit.NewBackend(t).Addr
	for name, more := range map[string]string{"not strict": "", "strict": strictly} {
		e := edge.Start(t, balanced(backend, more))
		kit.SetLevel(t, e, "loewen", 4)
		for what, c := range map[string]struct {
			forwarded []string
			want      int
		}{
			"the partner":                      {[]string{"198.51.100.7"}, 200},
			"the partner with a port":          {[]string{"198.51.100.7:4711"}, 200},
			"the partner through two proxies":  {[]string{"198.51.100.7, 127.63.0.1"}, 200},
			"a visitor":                        {[]string{"203.0.113.9"}, 503},
			"a forger":                         {[]string{"198.51.100.7, 203.0.113.9"}, 503},
			"a forger in a line of its own":    {[]string{"198.51.100.7", "203.0.113.9"}, 503},
			"a forger who speaks of the proxy": {[]string{"198.51.100.7, 127.63.0.1, 203.0.113.9, 127.63.0.1"}, 503},
			"a forger of a whole list":         {[]string{"unknown, 198.51.100.7 ,203.0.113.9:80"}, 503},
		} {
			if got := visit(t, e, c.forwarded...); got != c.want {
				t.Errorf("%s, %s: status %d, want %d", name, what, got, c.want)
			}
		}
	}
}

// TestNobodyIsBannedByAnothersWord. The controls: a visitor whom the balancer names is
// banned, and with strict also the forger himself.
func TestNobodyIsBannedByAnothersWord(t *testing.T) {
	need.Loopback(t)
	t.Parallel()
	backend := kit.NewBackend(t).Addr
	const victim, forger, alone = "203.0.113.66", "203.0.113.9", "203.0.114.1"
	banned := func(e *edge.Edge) (all []string) {
		for _, b := range kit.BansOf(t, e).Bans {
			all = append(all, b.Client)
		}
		return all
	}
	for name, c := range map[string]struct {
		more string
		want []string
	}{
		"not strict": {"", []string{alone}},
		"strict":     {strictly, []string{forger, alone}},
	} {
		e := edge.Start(t, balanced(backend, c.more))
		for _, forwarded := range []string{victim + ", " + forger, alone} {
			for range 20 {
				visit(t, e, forwarded)
			}
		}
		kit.Eventually(t, 5*time.Second, fmt.Sprintf("%s: %v are banned", name, c.want), func() bool {
			got := banned(e)
			slices.Sort(got)
			return slices.Equal(got, slices.Sorted(slices.Values(c.want)))
		})
		if slices.Contains(banned(e), victim) {
			t.Errorf("%s: the victim is banned", name)
		}
	}
}

// TestProxiesThatAppendAreWarnedOf, by `theriac validate` as well as at the start.
func TestProxiesThatAppendAreWarnedOf(t *testing.T) {
	t.Parallel()
	const says = "trusted_proxies without trusted_proxies_strict"
	for name, c := range map[string]struct {
		config string
		want   bool
	}{
		"not strict": {balanced("127.0.0.1:1", ""), true},
		"strict":     {balanced("127.0.0.1:1", strictly), false},
		"no proxies": {kit.Global("") + kit.Site(kit.AnyHost, "shield loewen"), false},
	} {
		e := edge.Start(t, c.config)
		if got := strings.Contains(e.Log(), says); got != c.want {
			t.Errorf("%s: the log warns: %v, want %v", name, got, c.want)
		}
		path := filepath.Join(t.TempDir(), "Caddyfile")
		config := strings.NewReplacer("{$ADMIN}", "127.0.0.1:1", "{$PORT}", "2").Replace(c.config)
		if err := os.WriteFile(path, []byte(config), 0o600); err != nil {
			t.Fatal(err)
		}
		said, err := edge.Run(t, "validate", "--config", path)
		if got := strings.Contains(said, says); err != nil || got != c.want {
			t.Errorf("%s: validate warns: %v, want %v; %v in\n%s", name, got, c.want, err, said)
		}
	}
}
