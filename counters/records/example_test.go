package records_test

import (
	"context"
	"fmt"
	"time"

	"github.com/theriac-edge/theriac/counters/records"
)

// Two records of one process. With a tier instead of nil every edge finds them.
func Example() {
	kept := records.New(nil)
	ctx, at := context.Background(), time.Date(2026, 11, 29, 10, 42, 0, 0, time.UTC)
	for i, id := range []string{"20261129-1042-loewen", "20261129-1043-sonnen"} {
		r := records.Record{ID: id, Value: []byte("{}"), At: at.Add(time.Duration(i) * time.Minute)}
		if err := kept.Keep(ctx, "incident", r, records.MaxLife); err != nil {
			fmt.Println(err)
		}
	}
	latest, err := kept.KeptSince(ctx, "incident", at, 10)
	for _, r := range latest {
		fmt.Println(r.ID, r.At.UTC().Format(time.TimeOnly), err)
	}
	// Output:
	// 20261129-1043-sonnen 10:43:00 <nil>
	// 20261129-1042-loewen 10:42:00 <nil>
}
