package agent_test

import (
	"fmt"

	"github.com/theriac-edge/theriac/scrub/agent"
)

// An agent's policy file names both ends of the tunnels, and to where they lead.
func ExampleParse() {
	c, err := agent.Parse([]byte(`
interfaces: [eth0]
local: [192.0.2.2]
peers: [192.0.2.1]
protect: [198.51.100.0/24]
`))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("answers leave on", c.Egress, "with an MTU of", c.MTU)
	// Output:
	// answers leave on [eth0] with an MTU of 1500
}
