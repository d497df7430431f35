package report

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/incident"
)

// FuzzReport: every record that can be read has a report in each form.
func FuzzReport(f *testing.F) {
	for _, story := range []string{"tier", "slow", "open"} {
		data, err := os.ReadFile("../testdata/" + story + ".json")
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		record, err := incident.Decode(data)
		if err != nil {
			return
		}
		r := &Report{Record: record, Targets: incident.DefaultTargets(), Zone: time.FixedZone("CET", 3600), At: record.Until}
		for form, text := range all(t, r) {
			if text == "" || strings.Contains(text, "NaN") || strings.Contains(text, "ZgotmplZ") {
				t.Errorf("%s: %.500s", form, text)
			}
		}
	})
}
