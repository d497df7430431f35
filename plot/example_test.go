package plot_test

import (
	"fmt"

	"github.com/theriac-edge/theriac/plot"
)

func ExamplePath() {
	x, y := plot.X(4), plot.Y(plot.Ceiling(95))
	middle := func(i int) float64 { return float64(i) + 0.5 }
	fmt.Println(plot.Path(x, y, middle, []float64{0, 95, -1, 20})) // -1: no data
	fmt.Println(y.Values(2, " %")[1].Label, plot.Figure(2140))
	// Output:
	// M137.5 208 L296.5 65.5 M614.5 178
	// 50 % 2,140
}
