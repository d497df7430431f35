package tally_test

import (
	"fmt"
	"net/http"
	"time"

	"github.com/theriac-edge/theriac/modules/shield/tally"
	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/watch"
)

// A stranger searches, and the shop takes its time.
func Example() {
	now := time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
	t := tally.New(now)
	v := &shop.Visit{Shop: "loewen", Class: shop.Search, Start: now}

	t.Arrive(v, false)
	t.Vouch(v, false)
	t.Through(v)
	c := t.Counts(now)
	fmt.Println(c.Arrived[watch.Search], "arrived,", c.Waiting, "waits,", c.Distinct, "stranger")

	v.Backend = 3 * time.Second
	t.Answer(v, http.MethodGet, http.StatusOK)
	t.Leave(v)
	c = t.Counts(now.Add(3 * time.Second))
	fmt.Println(c.Answered, "answered,", c.Bad, "of them badly,", c.Waiting, "wait")
	// Output:
	// 1 arrived, 1 waits, 1 stranger
	// 1 answered, 1 of them badly, 0 wait
}
