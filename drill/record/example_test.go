package record_test

import (
	"fmt"
	"time"

	"github.com/theriac-edge/theriac/drill/record"
)

func ExampleRecorder() {
	begin := time.Date(2016, 7, 1, 12, 0, 0, 0, time.UTC)
	r := record.New(begin, time.Minute, []string{"loewen"})
	sent := r.Wave(record.Wave{Name: "wave 1", Shop: "loewen", At: 10 * time.Second, For: 20 * time.Second})
	for i := range 60 {
		due := begin.Add(time.Duration(i) * time.Second)
		r.Page("loewen", record.Page{Due: due, Took: 30 * time.Millisecond, Good: i < 10 || i >= 13})
		if i >= 10 && i < 30 {
			sent(due, record.Challenged)
		}
	}
	run := r.Finish(time.Minute)
	fmt.Println("effective after", *run.Waves[0].Effective, "s;", record.Percent(run.Shops[0].Success()), "of all pages")
	// Output:
	// effective after 3 s; 95% of all pages
}
