package visit

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"
)

var written = time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)

const published = `{
	"creationTime": "2025-01-02T03:04:05.000000",
	"prefixes": [{"ipv6Prefix": "2001:db8:4860::/48"}, {"ipv4Prefix": "192.0.2.0/27"}, {"ipv4Prefix": "198.51.100.7"}]
}`

func TestRangesAreReadAsPublished(t *testing.T) {
	lines := "# a crawler\n192.0.2.0/27 # its first network\n\n198.51.100.7\r\n2001:db8:4860::/48"
	for what, c := range map[string]struct {
		raw   string
		dated time.Time
	}{
		"JSON":                        {published, time.Date(2025, 1, 2, 3, 4, 5, 0, time.UTC)},
		"JSON with a zone":            {strings.Replace(published, "000000", "5+01:00", 1), time.Date(2025, 1, 2, 2, 4, 5, 5e8, time.UTC)},
		"JSON that was fetched later": {strings.Replace(published, "2025", "2021", 1), written},
		"JSON of an unknown date":     {strings.Replace(published, "2025", "soon", 1), written},
		"JSON with more in it":        {strings.Replace(published, `"prefixes"`, `"syncToken": 7, "prefixes"`, 1), time.Date(2025, 1, 2, 3, 4, 5, 0, time.UTC)},
		"JSON after an empty line":    {"\n" + published, time.Date(2025, 1, 2, 3, 4, 5, 0, time.UTC)},
		"lines":                       {lines, written},
	} {
		table, dated, err := readRanges([]byte(c.raw), written)
		if err != nil {
			t.Errorf("%s: %v", what, err)
			continue
		}
		if !dated.Equal(c.dated) {
			t.Errorf("%s: dated %s, want %s", what, dated, c.dated)
		}
		for addr, want := range map[string]bool{
			"192.0.2.0": true, "192.0.2.31": true, "192.0.2.32": false, "198.51.100.7": true, "198.51.100.8": false,
			"2001:db8:4860::1": true, "2001:db8:4861::1": false,
		} {
			if got := table.Contains(netip.MustParseAddr(addr)); got != want {
				t.Errorf("%s: has %s is %v, want %v", what, addr, got, want)
			}
		}
	}
}

func TestRangesThatAreRefused(t *testing.T) {
	var many strings.Builder
	for i := range maxPrefixes + 1 {
		fmt.Fprintf(&many, "10.%d.%d.%d\n", i>>16, i>>8&255, i&255)
	}
	for what, c := range map[string]struct{ raw, want string }{
		"nothing":           {"", "no prefix"},
		"only comments":     {"# soon\n", "no prefix"},
		"an empty list":     {`{"prefixes": []}`, "no prefix"},
		"half of the JSON":  {published[:40], "not a list of prefixes in JSON"},
		"an error page":     {"<html>\n", `line 1: invalid address "<html>"`},
		"a name":            {"192.0.2.0/24\ncrawler.example\n", `line 2: invalid address "crawler.example"`},
		"a lost digit":      {"192.0.0.0/2\n", "192.0.0.0/2: it is wider than /8"},
		"the IPv4 world":    {`{"prefixes": [{"ipv4Prefix": "0.0.0.0/0"}]}`, "0.0.0.0/0: it is wider than /8"},
		"the IPv6 world":    {`{"prefixes": [{"ipv6Prefix": "2000::/3"}]}`, "2000::/3: it is wider than /16"},
		"IPv4 as IPv6":      {"::ffff:192.0.2.0/120\n", "write IPv4 addresses as IPv4"},
		"too many prefixes": {many.String(), "more than 200000 prefixes"},
	} {
		if _, _, err := readRanges([]byte(c.raw), written); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", what, err, c.want)
		}
	}
	for _, widest := range []string{"10.0.0.0/8", "2001::/16"} {
		if _, _, err := readRanges([]byte(widest), written); err != nil {
			t.Errorf("%s: %v", widest, err)
		}
	}
}
