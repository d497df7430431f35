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

// ranges are the published addresses of a crawler, as a table.
type ranges struct{ file[*bart.Lite] }

// oldRanges is when the age of published ranges is worth a warning: search
// engines change theirs every few weeks.
const oldRanges = 14 * 24 * time.Hour

// maxPrefixes bounds the table; the longest lists that are published have
// some thousand.
const maxPrefixes = 200_000

// The widest prefix that a file may have, in bits. Nobody crawls from more,
// and a lost digit must not exempt the world.
const widest4, widest6 = 8, 16

func openRanges(path string) (*ranges, error) {
	r := &ranges{file[*bart.Lite]{path: path, read: readRanges, old: oldRanges, log: edgeLog}}
	return r, r.open()
}

// readRanges reads the JSON that search engines publish, or a list with one
// prefix a line.
func readRanges(raw []byte, written time.Time) (*bart.Lite, time.Time, error) {
	table, count := new(bart.Lite), 0
	add := func(text string) error {
		prefix, err := parsePrefix(text)
		if err != nil {
			return fmt.Errorf("%.60q is neither an address nor a prefix such as 192.0.2.0/24", text)
		}
		if err := narrow(prefix); err != nil {
			return err
		}
		if count++; count > maxPrefixes {
			return fmt.Errorf("it has more than %d prefixes; is it the right file?", maxPrefixes)
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
		err = errors.New("it holds no prefix; is it the right file?")
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
		return dated, fmt.Errorf("it is no list of prefixes in JSON: %w", err)
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
	// The later of both counts: some lists are published unchanged for years,
	// and what can be done about their age is to fetch them.
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
		return fmt.Errorf("%s: write IPv4 as IPv4", p)
	case p.Bits() < widest:
		return fmt.Errorf("%s is wider than /%d: it would exempt much of the world; is there a digit missing?", p, widest)
	}
	return nil
}

var rangesAge = prometheus.NewDesc("theriac_visit_ranges_age_seconds",
	"How long ago the published ranges of a crawler were created or fetched; file is the name of the file without its folder.", []string{"file"}, nil)

// ages says, when the metrics are read, how old each file of ranges is. Of two
// files with one name it is the older one's age.
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
