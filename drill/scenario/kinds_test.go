package scenario

import "testing"

// Mistakes in attacks on connections and in packets, each with its line.
func TestKindErrors(t *testing.T) {
	wave := func(fields string) string {
		return "name: x\nfor: 60s\nshops: [{name: loewen}, {name: sonnen}]\nwaves:\n  - {name: w, at: 1s, for: 5s, " + fields + "}\n"
	}
	for text, want := range map[string]string{
		wave("shop: loewen, vector: quic, rate: 5/s, from: 1"):                                                                             `f.yaml:5: wave "w": write 1 to 10000 connections`,
		wave("shop: loewen, vector: websockets, rate: 5/s, from: 1, connections: 10001"):                                                   `f.yaml:5: wave "w": write 1 to 10000 connections`,
		wave("shop: loewen, vector: get, rate: 5/s, from: 1, connections: 9"):                                                              `f.yaml:5: wave "w": only ` + anyOf(protocolVectors) + ` have connections`,
		wave("shop: loewen, vector: handshakes, rate: 5/s, from: 1, connections: 9, solve: 5%"):                                            `f.yaml:5: wave "w": handshakes has no solve, stamps, pass or query, and paths only where it asks for one`,
		wave("shop: loewen, vector: handshakes, rate: 5/s, from: 1, connections: 9, paths: [/]"):                                           `f.yaml:5: wave "w": handshakes has no solve, stamps, pass or query, and paths only where it asks for one`,
		wave("shop: loewen, vector: rapid-reset, rate: 20001/s, from: 1, connections: 9"):                                                  `f.yaml:5: wave "w": write a rate of up to 20000/s`,
		wave("shop: loewen, vector: syn, rate: 5/s, from: 1"):                                                                              `f.yaml:5: wave "w": its packets have spoofed sources: leave from out`,
		wave("shop: loewen, vector: carpet, rate: 500001/s"):                                                                               `f.yaml:5: wave "w": write a rate of up to 500000/s`,
		wave("shops: [loewen, sonnen], vector: carpet, rate: 500/s"):                                                                       `f.yaml:4: wave "w" at 1s: write waves of packets one after the other, at one shop each`,
		wave("shop: loewen, vector: syn, rate: 500/s") + "  - {name: v, at: 5s, for: 5s, shop: loewen, vector: reflection, rate: 9/s}\n":   `f.yaml:4: wave "v" at 5s: write waves of packets one after the other, at one shop each`,
		wave("shop: loewen, vector: syn, rate: 500/s") + "  - {name: v, at: 9s, for: 5s, shop: loewen, vector: get, rate: 9/s, from: 1}\n": `f.yaml:4: wave "v": get and packets do not go together: write a scenario for each`,
		wave("shop: loewen, vector: syn, rate: 500/s") + "chaos: [{at: 1s, do: reload}]\n":                                                 `f.yaml:6: a drill of packets has no edges to break: leave chaos out`,
		"name: x\nfor: 60s\nshops: [{name: loewen, connections: -1}]\n":                                                                    `f.yaml:3: shop loewen: write at most 10000 connections`,
	} {
		if _, err := Parse("f.yaml", []byte(text)); err == nil || err.Error() != want {
			t.Errorf("%q:\n got %v\nwant %s", text, err, want)
		}
	}
}

// What a scenario needs follows from its waves.
func TestKinds(t *testing.T) {
	for name, want := range map[string][2]bool{"protocol": {true, false}, "packets": {false, true}, "gladius-2016": {false, false}} {
		s, err := Find(name)
		if err != nil {
			t.Fatal(err)
		}
		if got := [2]bool{s.Encrypted(), s.Packets()}; got != want {
			t.Errorf("%s: encrypted, packets: %t, want %t", name, got, want)
		}
	}
}
