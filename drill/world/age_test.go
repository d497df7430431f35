package world

import (
	"net/http"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/challenge/pow"
)

// A stamp becomes a day older and stays the same in all else; other cookies stay as they
// are.
func TestAge(t *testing.T) {
	keys, err := pow.NewKeys([]byte(secret))
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	before := pow.Stamp{Issued: now, Day: pow.DayOf(now), Net: 7, Binding: 9}
	c := &http.Cookie{Name: "any", Value: string(keys.AppendStamp(nil, &before, now))}
	w := new(World)
	if err := w.Age(c); err != nil {
		t.Fatal(err)
	}
	after, err := keys.OpenStamp(c.Value, now)
	if err != nil || now.Sub(after.Issued).Round(time.Minute) != 24*time.Hour || after.Net != 7 || after.Binding != 9 || after.Day != before.Day {
		t.Errorf("%+v, %v", after, err)
	}
	other := &http.Cookie{Name: "cart", Value: "4711"}
	if err := w.Age(other); err != nil || other.Value != "4711" {
		t.Errorf("%v, %v", other, err)
	}
}
