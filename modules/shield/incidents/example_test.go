package incidents_test

import (
	"context"
	"fmt"
	"time"

	"go.uber.org/zap"

	"github.com/theriac-edge/theriac/counters"
	"github.com/theriac-edge/theriac/incident"
	"github.com/theriac-edge/theriac/modules/shield/incidents"
	"github.com/theriac-edge/theriac/watch"
)

// An edge without Redis records a flood of 90 s, and lists it.
func Example() {
	store := counters.NewMemory(1 << 20)
	keeper := incidents.New(incidents.Options{
		Store: store, Node: "fra-1", Log: zap.NewNop,
		Settings: func() incidents.Settings { return incidents.Settings{Targets: incident.DefaultTargets()} },
	})
	began := time.Date(2026, time.November, 29, 10, 42, 0, 0, time.UTC)
	for second := range 400 {
		m := incident.Moment{Shop: "loewen"}
		m.Second.Customers, m.Second.Served = 4, 4
		m.Hot = second >= 9 && second < 100
		if m.Hot && second > 9 {
			m.Level, m.Need = 2, 2
			m.Second.Strangers[watch.Page] = 2000
			m.Sights = []incident.Sight{{Vector: watch.GetFlood, Onset: began.Add(9 * time.Second)}}
		}
		keeper.Step(&incidents.Second{
			At: began.Add(time.Duration(second) * time.Second), Moments: []incident.Moment{m}, Edges: []string{"fra-1"},
			Lead: counters.Leadership{Role: counters.Leading, Token: 1},
		})
	}
	list, notices := keeper.List(context.Background(), began, "loewen")
	for len(list) == 0 || list[0].Closed.IsZero() { // Step does not wait until it is kept
		time.Sleep(time.Millisecond)
		list, notices = keeper.List(context.Background(), began, "loewen")
	}
	for _, s := range list {
		fmt.Println(s.ID, s.Vectors, s.Peak, "detected after", *s.Detect, "s:", s.Result, notices)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	keeper.Close(ctx)
	fmt.Println(store.Close())
	// Output:
	// 20261129-1042-loewen [get-flood] 2000 detected after 1 s: met []
	// <nil>
}
