package world

import (
	"net/netip"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/challenge/pow"
)

// A stamp is a day old and bound to shop and browser; where no edge is, there is none.
func TestStamp(t *testing.T) {
	from := netip.MustParseAddr("127.128.0.1")
	w := &World{Options: Options{Kind: Shield}}
	c, err := w.Stamp("loewen", from, "Firefox")
	if err != nil {
		t.Fatal(err)
	}
	keys, err := pow.NewKeys([]byte(secret))
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	got, err := keys.OpenStamp(c.Value, now)
	if err != nil || now.Sub(got.Issued).Round(time.Minute) != 24*time.Hour || got.Day != pow.DayOf(now) || got.Binding != keys.Binding("loewen", "Firefox") {
		t.Errorf("%+v, %v", got, err)
	}
	other, err := w.Stamp("loewen", netip.MustParseAddr("127.128.1.1"), "Firefox")
	if stamp, _ := keys.OpenStamp(other.Value, now); err != nil || stamp.Net == got.Net {
		t.Errorf("two subnets have the same stamp: %v", err)
	}
	if c, err := (&World{Options: Options{Kind: Nothing}}).Stamp("loewen", from, "Firefox"); c != nil || err != nil {
		t.Errorf("without an edge: %v, %v", c, err)
	}
}
