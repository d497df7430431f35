package channel_test

import (
	"fmt"

	"github.com/theriac-edge/theriac/counters/channel"
)

// One process hears itself. With a tier instead of nil every edge hears it.
func Example() {
	bus := channel.New(nil)
	defer bus.Close()
	heard := make(chan string)
	defer bus.Hear("watch", func(message string) { heard <- message })()
	bus.Say("watch", "loewen is attacked")
	fmt.Println(<-heard)
	// Output: loewen is attacked
}
