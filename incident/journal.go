package incident

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// MaxJournal bounds the file of one month.
const MaxJournal = 64 << 20

// Journal keeps incidents and ledger as JSON lines in a directory, with a file of each for each
// month: incidents-2026-11.jsonl and ledger-2026-11.jsonl, which only their owner may read. A
// record that is written again replaces the one with its ID when the file is read. The
// directory must exist. Without a directory there is no journal: it takes everything and has
// nothing. It is not safe for concurrent use.
type Journal struct{ Dir string }

// Skipped is a line that could not be read.
type Skipped struct {
	File string
	Line int
	Torn bool // the last one, whose writer died
	Err  error
}

// Write appends a record. If it is closed, its ledger lines are appended too, and both are on
// the disk when Write returns.
func (j Journal) Write(r *Record, targets Targets) error {
	data, err := Encode(r)
	if err != nil {
		return err
	}
	closed := !r.Closed.IsZero()
	if err := j.append("incidents", r.Onset, data, closed); err != nil || !closed || r.Merged != "" {
		return err
	}
	byMonth := map[string][]byte{}
	for _, l := range Ledger(r, targets) {
		line, err := marshal(l)
		if err != nil {
			return fmt.Errorf("encoding a line of the ledger: %w", err)
		}
		byMonth[l.Month] = append(append(byMonth[l.Month], line...), '\n')
	}
	for month, lines := range byMonth {
		at, err := time.Parse(monthLayout, month)
		if err == nil {
			err = j.append("ledger", at, bytes.TrimSuffix(lines, []byte("\n")), true)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Rewrite appends a record that has changed since it was written, as by a note. Its lines of the
// ledger stay as they are.
func (j Journal) Rewrite(r *Record) error {
	data, err := Encode(r)
	if err != nil {
		return err
	}
	return j.append("incidents", r.Onset, data, true)
}

func (j Journal) path(kind, month string) string {
	return filepath.Join(j.Dir, kind+"-"+month+".jsonl")
}

// append writes whole lines in one call. After a line that a crash has torn it begins a new one.
func (j Journal) append(kind string, at time.Time, data []byte, sync bool) (err error) {
	if j.Dir == "" {
		return nil
	}
	path := j.path(kind, at.UTC().Format(monthLayout))
	defer func() {
		if err != nil {
			err = fmt.Errorf("writing the journal %s: %w", path, err)
		}
	}()
	f, err := os.OpenFile(path, os.O_RDWR|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	size := info.Size()
	if size+int64(len(data))+2 > MaxJournal {
		return fmt.Errorf("it has %d bytes, and at most %d are kept for a month", size, MaxJournal)
	}
	if size > 0 {
		last := make([]byte, 1)
		if _, err := f.ReadAt(last, size-1); err != nil {
			return err
		}
		if last[0] != '\n' {
			data = append([]byte("\n"), data...)
		}
	}
	if _, err := f.Write(append(data, '\n')); err != nil || !sync {
		return err
	}
	return f.Sync()
}

// Incidents returns the records of a month, such as 2026-11, as they were written last, in the
// order in which they began to be, and the lines that cannot be read. A month without a file
// has none.
func (j Journal) Incidents(month string) ([]*Record, []Skipped, error) {
	var records []*Record
	byID := map[string]int{}
	skipped, err := j.read("incidents", month, func(line []byte) error {
		r, err := Decode(line)
		if err != nil {
			return err
		}
		if i, ok := byID[r.ID]; ok {
			records[i] = r
			return nil
		}
		byID[r.ID] = len(records)
		records = append(records, r)
		return nil
	})
	return records, skipped, err
}

// Ledger returns the lines of a month, and those that cannot be read. A line that was written
// twice, by two leaders, counts once: the last.
func (j Journal) Ledger(month string) ([]Line, []Skipped, error) {
	type key struct{ incident, shop, vector string }
	var lines []Line
	known := map[key]int{}
	skipped, err := j.read("ledger", month, func(data []byte) error {
		l, err := DecodeLine(data)
		if err != nil {
			return err
		}
		k := key{l.Incident, string(l.Shop), l.Vector}
		if i, ok := known[k]; ok {
			lines[i] = l
			return nil
		}
		known[k] = len(lines)
		lines = append(lines, l)
		return nil
	})
	return lines, skipped, err
}

func (j Journal) read(kind, month string, take func(line []byte) error) (skipped []Skipped, err error) {
	if _, err := time.Parse(monthLayout, month); err != nil {
		return nil, fmt.Errorf("not a valid month: %.20q, want one such as 2026-11", month)
	}
	if j.Dir == "" {
		return nil, nil
	}
	path := j.path(kind, month)
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the journal: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	data, err := io.ReadAll(io.LimitReader(f, MaxJournal))
	if err != nil {
		return nil, fmt.Errorf("reading the journal %s: %w", path, err)
	}
	number := 0
	for line := range bytes.Lines(data) {
		number++
		torn := line[len(line)-1] != '\n'
		if line = bytes.TrimSpace(line); len(line) == 0 {
			continue
		}
		if err := take(line); err != nil {
			skipped = append(skipped, Skipped{filepath.Base(path), number, torn, err})
		}
	}
	return skipped, nil
}
