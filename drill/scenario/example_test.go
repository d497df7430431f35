package scenario_test

import (
	"fmt"

	"github.com/theriac-edge/theriac/drill/scenario"
)

func ExampleParse() {
	s, err := scenario.Parse("mine.yaml", []byte(`
name: mine
for: 30s
shops: [{name: loewen, page_time: 20ms, workers: 2}]
customers: {arrive: 1.5/s, known: 45%}
waves:
  - {name: wave 1, at: 10s, for: 5s, shop: loewen, vector: get, rate: {from: 100/s, to: 900/s, over: 2s}, from: 300}
`))
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, p := range s.Schedule().Pulses {
		fmt.Println(p.At, p.Name, p.Rate)
	}
	_, err = scenario.Parse("mine.yaml", []byte("name: mine\nfor: 30s\nshops: [{name: loewen}]\nwaves: [{rate: fast}]\n"))
	fmt.Println(err)
	// Output:
	// 10s wave 1 100/s to 900/s in 2s
	// mine.yaml:4: invalid rate "fast": write a number and its unit, such as 500/s, 1.5/s or 90/m
}
