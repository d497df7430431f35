package daemon

import (
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/anycast"
)

const valid = `edge: a
edges: {a: "10.0.0.1:3785", b: "10.0.0.2:3785"}
secret: /s
prefixes: [203.0.113.1/32, "2001:db8::/48"]
health: {addresses: ["203.0.113.1:443"], host: h.example, path: /healthz}
bgp:
  asn: 64501
  router_id: 10.0.0.1
  next_hops: [10.0.0.1]
  peers: [{address: 10.0.0.254, asn: 64500, flowspec: true}]
`

func TestConfigurationsThatCannotWork(t *testing.T) {
	if c, err := Parse([]byte(valid)); err != nil || c.Keep != 1 || c.Socket == "" || !c.BGP.flowSpec() || len(c.addresses()) != 1 {
		t.Fatalf("%+v, %v", c, err)
	}
	cases := map[string][2]string{ // what replaces what, by the error
		"it is empty":                {valid, ""},
		"line 1: field egde":         {"edge: a", "egde: a"},
		"this edge, is not among":    {"edge: a", "edge: c"},
		"keep: 3":                    {"secret: /s", "secret: /s\nkeep: 3"},
		"secret: want the absolute":  {"secret: /s", "secret: s"},
		"socket: want an absolute":   {"secret: /s", "secret: /s\nsocket: s"},
		"capacity: below zero":       {"secret: /s", "secret: /s\ncapacity: -1"},
		"nothing to announce":        {`prefixes: [203.0.113.1/32, "2001:db8::/48"]`, ""},
		"want 203.0.113.0/24":        {"203.0.113.1/32", "203.0.113.1/24"},
		"duplicate 203.0.113.1/32":   {"[203.0.113.1/32", "[203.0.113.1/32, 203.0.113.1/32"},
		"no '/'":                     {"203.0.113.1/32", "203.0.113.1"},
		"of at most 32 bytes":        {`b: "10`, `bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb: "10`},
		"want an address and a port": {"10.0.0.2:3785", "10.0.0.2:0"},
		"health: addresses":          {`addresses: ["203.0.113.1:443"], `, ""},
		"health: host":               {"host: h.example, ", ""},
		"health: path":               {"/healthz", "healthz"},
		"one of bgp and bird":        {"bgp:", "bird: {}\nbgp:"},
		"bgp: asn":                   {"asn: 64501", "asn: 0"},
		"bgp: router_id":             {"router_id: 10.0.0.1", `router_id: "::1"`},
		"bgp: next_hops":             {"next_hops: [10.0.0.1]", ""},
		"one router to announce to":  {"peers: [{address: 10.0.0.254, asn: 64500, flowspec: true}]", ""},
		"want address and asn":       {", asn: 64500", ""},
		"ttl_security and multihop":  {"flowspec: true", "ttl_security: true, multihop: 2"},
	}
	for want, change := range cases {
		text := strings.Replace(valid, change[0], change[1], 1)
		if text == valid {
			t.Errorf("%s: the text does not change", want)
		}
		if _, err := Parse([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the error is %v; want %q", err, want)
		}
	}
	if c, err := Parse([]byte(valid[:strings.Index(valid, "bgp:")] + "bird: {}\n")); err != nil || c.Bird.Socket == "" {
		t.Errorf("with BIRD: %+v, %v", c, err)
	}
}

// TestPageOfTheConfiguration holds docs/operations/anycast.md to the options there are.
func TestPageOfTheConfiguration(t *testing.T) {
	raw, err := os.ReadFile("../../docs/operations/anycast.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(raw), "```yaml\n")
	example, _, _ := strings.Cut(rest, "```")
	if c, err := Parse([]byte(example)); err != nil || c.Edge != "fra1" {
		t.Errorf("its example: %+v, %v", c, err)
	}
	for _, of := range []reflect.Type{reflect.TypeFor[Config](), reflect.TypeFor[Health](), reflect.TypeFor[BGP](), reflect.TypeFor[Peer](), reflect.TypeFor[Bird]()} {
		for f := range of.Fields() {
			if name := f.Tag.Get("yaml"); !strings.Contains(string(raw), "`"+name+"`") {
				t.Errorf("it does not explain %s", name)
			}
		}
	}
	for _, state := range []anycast.State{anycast.Starting, anycast.Announced, anycast.Leaving, anycast.Draining, anycast.Withdrawn, anycast.Held, anycast.Drained} {
		if !strings.Contains(string(raw), "| `"+string(state)+"` |") {
			t.Errorf("it does not explain the state %s", state)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(valid))
	f.Fuzz(func(t *testing.T, raw []byte) {
		c, err := Parse(raw)
		if err != nil {
			return
		}
		if c.Keep < 1 || c.Keep > len(c.Edges) || (c.BGP == nil) == (c.Bird == nil) {
			t.Errorf("%q is accepted as %+v", raw, c)
		}
	})
}

var beatAt = time.Unix(1_800_000_000, 0)

func TestBeats(t *testing.T) {
	key, other := []byte(strings.Repeat("k", 32)), []byte(strings.Repeat("o", 32))
	raw, err := seal(key, beatAt, anycast.Fact{Edge: "a", Seq: 7, State: anycast.Announced})
	if err != nil {
		t.Fatal(err)
	}
	if f, err := open(key, beatAt.Add(maxSkew), raw); err != nil || f.Edge != "a" || f.Seq != 7 {
		t.Errorf("%+v, %v", f, err)
	}
	for name, try := range map[string]func() error{
		"of another secret": func() error { _, err := open(other, beatAt, raw); return err },
		"that is late":      func() error { _, err := open(key, beatAt.Add(maxSkew+time.Second), raw); return err },
		"of the future":     func() error { _, err := open(key, beatAt.Add(-maxSkew-time.Second), raw); return err },
		"without an end":    func() error { _, err := open(key, beatAt, raw[:len(raw)-1]); return err },
		"of nothing":        func() error { _, err := open(key, beatAt, nil); return err },
	} {
		if try() == nil {
			t.Errorf("a beat %s is heard", name)
		}
	}
	for i := range raw {
		changed := append([]byte{}, raw...)
		changed[i] ^= 1
		if _, err := open(key, beatAt, changed); err == nil {
			t.Errorf("a beat with another byte %d is heard", i)
		}
	}
	saw := map[string]uint64{}
	for i := range maxEdges {
		saw[strings.Repeat(string(rune('a'+i)), 32)] = 1 << 60
	}
	if _, err := seal(key, beatAt, anycast.Fact{Edge: strings.Repeat("a", 32), Seq: 1 << 60, State: anycast.Announced, Saw: saw, Wish: 1 << 60, Clock: 1 << 60}); err != nil {
		t.Errorf("the longest beat: %v", err)
	}
}

func FuzzOpen(f *testing.F) {
	key := []byte(strings.Repeat("k", 32))
	raw, _ := seal(key, beatAt, anycast.Fact{Edge: "a", Seq: 7})
	f.Add(raw[32:])
	f.Fuzz(func(t *testing.T, text []byte) {
		if _, err := open(key, beatAt, text); err == nil {
			t.Errorf("%q is a beat without a signature", text)
		}
		_, _ = open(key, beatAt, append(sign(key, text), text...)) // must not panic
	})
}
