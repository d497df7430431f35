package visit

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"path/filepath"
	"strings"
	"time"

	"github.com/gaissmai/bart"
	"github.com/prometheus/client_golang/prometheus"
)

// ranges are the published addresses of a crawler, as a lookup table.
type ranges struct{ file[*bart.Lite] }

// oldRanges is the age for a warning about published ranges: search engines change theirs
// every few weeks.
const oldRanges = 14 * 24 * time.Hour

// maxPrefixes bounds the table; the longest published lists have some thousand.
const maxPrefixes = 200_000

// The shortest prefix lengths that a file may have, in bits. No crawler has more
// addresses, and a lost digit must not exempt the world.
const widest4, widest6 = 8, 16

func openRanges(path string) (*ranges, error) {
	r := &ranges{file[*bart.Lite]{path: path, read: readRanges, old: oldRanges, log: edgeLog}}
	return r, r.open()
}

// readRanges reads the JSON that search engines publish, or a list with one prefix per
// line.
func readRanges(raw []byte, written time.Time) (*bart.Lite, time.Time, error) {
	table, count := new(bart.Lite), 0
	add := func(text string) error {
		prefix, err := parsePrefix(text)
		if err != nil {
			return fmt.Errorf("invalid address %.60q: want an address or a prefix such as 192.0.2.0/24", text)
		}
		if err := narrow(prefix); err != nil {
			return err
		}
		if count++; count > maxPrefixes {
			return fmt.Errorf("more than %d prefixes: is it the right file?", maxPrefixes)
		}
		table.Insert(prefix.Masked())
		return nil
	}
	dated, err := written, error(nil)
	if bytes.HasPrefix(bytes.TrimSpace(raw), []byte("{")) {
		dated, err = readPublished(raw, written, add)
	} else {
		err = readLines(raw, add)
	}
	if err == nil && count == 0 {
		err = errors.New("no prefix: is it the right file?")
	}
	return table, dated, err
}

// readPublished reads {"creationTime": …, "prefixes": [{"ipv4Prefix": …}, …]}.
func readPublished(raw []byte, written time.Time, add func(string) error) (dated time.Time, err error) {
	var list struct {
		CreationTime string `json:"creationTime"`
		Prefixes     []struct {
			V4 string `json:"ipv4Prefix"`
			V6 string `json:"ipv6Prefix"`
		} `json:"prefixes"`
	}
	if err := json.Unmarshal(raw, &list); err != nil {
		return dated, fmt.Errorf("not a list of prefixes in JSON: %w", err)
	}
	for _, p := range list.Prefixes {
		for _, text := range []string{p.V4, p.V6} {
			if text == "" {
				continue
			}
			if err := add(text); err != nil {
				return dated, err
			}
		}
	}
	// The later of both dates counts: some lists are published unchanged for years, and
	// all that can be done about their age is to fetch them.
	for _, layout := range []string{"2006-01-02T15:04:05", time.RFC3339} { // both read fractions
		if created, err := time.Parse(layout, list.CreationTime); err == nil && created.After(written) {
			return created, nil
		}
	}
	return written, nil
}

func readLines(raw []byte, add func(string) error) error {
	number := 0
	for line := range strings.Lines(string(raw)) {
		number++
		text, _, _ := strings.Cut(line, "#")
		if text = strings.TrimSpace(text); text == "" {
			continue
		}
		if err := add(text); err != nil {
			return fmt.Errorf("line %d: %w", number, err)
		}
	}
	return nil
}

func narrow(p netip.Prefix) error {
	widest := widest4
	if p.Addr().Is6() {
		widest = widest6
	}
	switch {
	case p.Addr().Is4In6():
		return fmt.Errorf("invalid prefix %s: write IPv4 addresses as IPv4", p)
	case p.Bits() < widest:
		return fmt.Errorf("invalid prefix %s: it is wider than /%d and would exempt much of the Internet; is a digit missing?", p, widest)
	}
	return nil
}

var rangesAge = prometheus.NewDesc("theriac_visit_ranges_age_seconds",
	"Age of a crawler's published ranges, since they were created or fetched; file is the base name of the file.", []string{"file"}, nil)

// ages collects the age of each file of ranges. Of two files with the same base name the
// older one counts.
type ages struct{}

func (ages) Describe(ch chan<- *prometheus.Desc) { ch <- rangesAge }

func (ages) Collect(ch chan<- prometheus.Metric) {
	oldest := make(map[string]time.Time)
	for _, f := range openFiles() {
		r, ok := f.(*ranges)
		if !ok {
			continue
		}
		name, dated := filepath.Base(r.path), r.version.Load().dated
		if known, ok := oldest[name]; !ok || dated.Before(known) {
			oldest[name] = dated
		}
	}
	for name, dated := range oldest {
		ch <- prometheus.MustNewConstMetric(rangesAge, prometheus.GaugeValue, time.Since(dated).Seconds(), name)
	}
}
