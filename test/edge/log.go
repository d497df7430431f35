package edge

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// faultyLines returns the first lines of a log that name a key twice, or are cut
// off: what reads logs keeps one of the two values, or drops the line.
func faultyLines(log string) (faults []string) {
	for line := range strings.Lines(log) {
		if !strings.HasPrefix(line, "{") || !strings.HasSuffix(line, "\n") {
			continue // console output, or the edge was killed while it wrote
		}
		d := json.NewDecoder(strings.NewReader(line))
		d.UseNumber()
		if err := checkKeys(d); err != nil && len(faults) < 3 {
			faults = append(faults, fmt.Sprintf("%v in %s", err, strings.TrimSpace(line)))
		}
	}
	return faults
}

// checkKeys reads one value, and fails where an object has a key twice.
func checkKeys(d *json.Decoder) error {
	token, err := d.Token()
	if err != nil {
		return err
	}
	delim, ok := token.(json.Delim)
	if !ok {
		return nil
	}
	keys := map[json.Token]bool{}
	for d.More() {
		if delim == '{' {
			key, err := d.Token()
			if err != nil {
				return err
			}
			if keys[key] {
				return fmt.Errorf("duplicate key %q", key)
			}
			keys[key] = true
		}
		if err := checkKeys(d); err != nil {
			return err
		}
	}
	if _, err = d.Token(); errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
