package waves

import (
	"fmt"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/shop"
)

// record is what an edge says of an incident.
type record struct {
	ID       string    `json:"id"`
	Onset    time.Time `json:"onset"`
	Vectors  []string  `json:"vectors"`
	Level    int       `json:"level"`
	Sources  int64     `json:"sources"`
	Detect   *int64    `json:"detect"`
	Mitigate *int64    `json:"mitigate"`
}

func (tr *tier) incidents(t *testing.T, i int) []record {
	t.Helper()
	var said struct {
		Incidents []record `json:"incidents"`
	}
	tr.edges[i].Get(t, "/shield/incidents", &said)
	return said.Incidents
}

// checkIncident holds the times of the incident to those that the attacker and the customers
// know.
func (tr *tier) checkIncident(t *testing.T, w *wave, onset time.Time, detected time.Duration, effective int) {
	t.Helper()
	if w.level < shop.Attack {
		return
	}
	all := tr.incidents(t, 0)
	if len(all) != 1 {
		t.Errorf("%d incidents, want one: %+v", len(all), all)
		return
	}
	is := all[0]
	t.Logf("incident %s: onset %+.1f s from the truth, %v, level %d, %d sources, detect %s, mitigate %s", is.ID, is.Onset.Sub(onset).Seconds(), is.Vectors, is.Level, is.Sources, seconds(is.Detect), seconds(is.Mitigate))
	if off := is.Onset.Sub(onset).Abs(); off > 2*time.Second {
		t.Errorf("the incident began %s from the truth", off)
	}
	if said := tr.firstDetected(t, is.ID).Sub(onset); (said - detected).Abs() > 2*time.Second {
		t.Errorf("the incident says that it was detected after %s, and it was after %s", said, detected)
	}
	if is.Mitigate != nil && max(int(*is.Mitigate), effective)-min(int(*is.Mitigate), effective) > 2 {
		t.Errorf("the incident says that customers were served well after %d s, and they say after %d", *is.Mitigate, effective)
	}
}

// firstDetected is when the first vector of an incident was detected.
func (tr *tier) firstDetected(t *testing.T, id string) time.Time {
	t.Helper()
	var said struct {
		Record struct {
			Shops []struct {
				Vectors []struct {
					Detected time.Time `json:"detected"`
				} `json:"vectors"`
			} `json:"shops"`
		} `json:"record"`
	}
	tr.edges[0].Get(t, "/shield/incident?id="+id, &said)
	if len(said.Record.Shops) == 0 || len(said.Record.Shops[0].Vectors) == 0 {
		t.Fatalf("incident %s has no vector", id)
	}
	return said.Record.Shops[0].Vectors[0].Detected
}

func seconds(n *int64) string {
	if n == nil {
		return "not measured"
	}
	return fmt.Sprint(*n)
}
