package scrub_test

import (
	"errors"
	"log"
	"net/netip"
	"os"
	"time"

	"github.com/theriac-edge/theriac/scrub"
)

// Load a dataplane, put a policy file in force, attach it, and deny a source for
// ten minutes. All of that goes on when the process ends.
func ExampleLoad() {
	raw, err := os.ReadFile("/etc/theriac/scrubd.yaml")
	if err != nil {
		log.Fatal(err)
	}
	config, err := scrub.Parse(raw)
	if err != nil {
		log.Fatal(err)
	}
	s, err := scrub.Load(scrub.DefaultPins)
	if err != nil {
		log.Fatal(err)
	}
	defer s.Close()
	if err := s.Apply(config); err != nil { // before Attach: until then it protects nothing
		log.Fatal(err)
	}
	if _, err := s.Attach(config.Interfaces...); err != nil {
		log.Fatal(err)
	}
	err = s.Deny(scrub.Entry{Prefix: netip.MustParsePrefix("192.0.2.7/32"), Until: time.Now().Add(10 * time.Minute)})
	if errors.Is(err, scrub.ErrFull) {
		log.Print("the deny list is full; its entries stay")
	}
}
