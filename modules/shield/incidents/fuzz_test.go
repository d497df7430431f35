package incidents

import (
	"encoding/json"
	"testing"

	"github.com/theriac-edge/theriac/incident"
)

// FuzzMessage: what comes from other edges is one of the known messages, or nothing.
func FuzzMessage(f *testing.F) {
	for _, m := range []message{
		{From: "a", Act: &act{Shop: "loewen", Act: incident.Act{At: noon, Who: "alice", Text: "level 3"}}},
		{From: "a", Note: &note{Incident: floodID, Act: incident.Act{At: noon, Who: "alice", Text: "called the shop"}}},
		{From: "a", Accepted: &acceptation{Incident: floodID, At: noon}},
	} {
		text, err := json.Marshal(m)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(text))
	}
	f.Add(`{"from":"a","act":null}`)
	f.Fuzz(func(t *testing.T, text string) {
		m, ok := parseMessage(text)
		if !ok {
			return
		}
		var rec incident.Record
		switch {
		case m.Act != nil:
			rec.AddAct(m.Act.Act)
		case m.Note != nil:
			rec.AddNote(m.Note.Act)
		case m.Accepted == nil:
			t.Error("a message without a part")
		}
		if m.at().IsZero() {
			t.Error("a message without a time")
		}
	})
}
