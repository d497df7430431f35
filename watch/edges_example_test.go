package watch_test

import (
	"fmt"
	"maps"
	"time"

	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/watch"
)

// Two edges report one shop. Their messages would travel through the store.
func ExampleEdges() {
	here, there := watch.NewReporter("fra-1", 1), watch.NewReporter("fra-2", 2)
	edges := watch.NewEdges(1)
	counted := map[shop.ID]watch.Counts{"loewen": {}}
	now := time.Unix(1_800_000_000, 0)
	for second := range 3 {
		for _, edge := range []*watch.Reporter{here, there} {
			for _, message := range edge.Next(maps.All(counted)) {
				report, err := watch.ParseReport(message)
				if err != nil {
					panic(err)
				}
				edges.Take(&report, now)
			}
		}
		edges.Tick(now, func(id shop.ID, all, own *watch.Second) {
			fmt.Println(second, id, all.Strangers[watch.Page], "strangers,", own.Strangers[watch.Page], "of them here")
		})
		c := counted["loewen"]
		c.Arrived[watch.Page] += 40
		c.Vouched[watch.Page] += 10
		counted["loewen"] = c
		now = now.Add(time.Second)
	}
	// Output:
	// 1 loewen 60 strangers, 30 of them here
	// 2 loewen 60 strangers, 30 of them here
}
