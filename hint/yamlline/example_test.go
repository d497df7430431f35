package yamlline_test

import (
	"fmt"

	"go.yaml.in/yaml/v3"

	"github.com/theriac-edge/theriac/hint/yamlline"
)

func Example() {
	const text = "name: drill\nwaves:\n  - {at: 1s}\n  - {at: later}\n"
	var root yaml.Node
	if err := yaml.Unmarshal([]byte(text), &root); err != nil {
		fmt.Println(err)
		return
	}
	mapping := root.Content[0]
	fmt.Println(yamlline.Of(mapping, []any{"waves", 1, "at"}), yamlline.Of(mapping, []any{"waves", 7}), yamlline.Of(mapping, []any{"shops"}))

	var names struct{ Waves int }
	for _, f := range yamlline.Faults(mapping.Decode(&names)) {
		fmt.Println(f.Line, f.Text)
	}
	// Output:
	// 4 2 0
	// 3 cannot unmarshal !!seq into int
}
