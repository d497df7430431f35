//go:build linux

package scrub

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"

	"github.com/theriac-edge/theriac/test/need"
)

const (
	modelPackets = 1_000_000
	modelRounds  = 25 // each with other policies
)

// compared is a packet, the world that it came to, and what the program said.
type compared struct {
	world  *world
	packet []byte
	got    said
}

// TestModel compares the program with the model on random packets and policies.
func TestModel(t *testing.T) {
	need.Time(t)
	tr := try(t, goldenPolicy)
	tr.listen()
	r := rand.New(rand.NewPCG(1, 2))
	var corpus [][]byte
	for _, g := range goldens() {
		corpus = append(corpus, g.packet)
	}
	slices.SortFunc(corpus, bytes.Compare) // some come out of maps: each run is to be the same
	met, probes, wrong := map[string]int{}, 0, 0
	var kept []compared
	for range modelRounds {
		w := tr.world(r)
		tr.in(func() error {
			for n := range modelPackets / modelRounds {
				packet := mutated(r, corpus)
				j, err := tr.run(packet)
				if err != nil {
					return err
				}
				want, got := w.judge(packet, stages), tr.saying(j)
				met[fmt.Sprintf("%s v6=%t", got.why, read(packet).dst.Is6())]++
				switch {
				case want.why == "syn_cookie" && got.why == "syncookie_refresh":
					probes++
					got.why = want.why
				case want.why == "too_big" && got.why == "no_route":
					got.why = want.why // more of these answers than it gives in a second
				}
				if n%10 == 0 {
					kept = append(kept, compared{w, packet, got})
				}
				intact := j.action != 2 || bytes.Equal(j.bytes, packet)
				if wrong < 10 && (got != want || j.action != actionOf(j.why) || !intact) {
					wrong++
					t.Errorf("%x: %+v with action %d, intact %t; the model says %+v\n%s", packet, got, j.action, intact, want, w.about(got.policy))
				}
			}
			return nil
		})
	}
	for why := range Reasons {
		for _, v6 := range []bool{false, true} {
			if key := fmt.Sprintf("%s v6=%t", Reason(why), v6); met[key] < 100 && Reason(why).String() != "syn_auth_rst" && Reason(why).String() != "syncookie_refresh" {
				t.Errorf("%s was met by %d packets", key, met[key])
			}
		}
	}
	if probes > 1000 {
		t.Errorf("%d SYNs were to remind a listener", probes)
	}
	wrongModels(t, kept)
}

// wrongModels shows that the comparison finds each model that is wrong: one
// that lacks a stage, and one that denies before it allows.
func wrongModels(t *testing.T, kept []compared) {
	differs := func(wrong []stage) int {
		return slices.IndexFunc(kept, func(c compared) bool { return c.world.judge(c.packet, wrong) != c.got })
	}
	if i := differs(stages); i >= 0 {
		t.Errorf("the model itself differs at %d", i)
	}
	for i, s := range stages {
		if s.why == "" {
			continue
		}
		if wrong := slices.Delete(slices.Clone(stages), i, i+1); differs(wrong) < 0 {
			t.Errorf("nobody sees that the model lacks stage %d, %s", i, s.why)
		}
	}
	swapped := slices.Clone(stages)
	i := slices.IndexFunc(stages, func(s stage) bool { return s.why == "allowed" })
	swapped[i], swapped[i+1] = swapped[i+1], swapped[i]
	if differs(swapped) < 0 {
		t.Error("nobody sees that the model denies before it allows")
	}
}

// saying is a judgement as the model says it.
func (tr *trial) saying(j judged) said {
	s := said{policy: tr.policies[j.policy], why: j.why.String()}
	if j.watched > 0 {
		s.watched = j.watched.String()
	}
	return s
}

// about says what matters of a world.
func (w world) about(policy string) string {
	i := slices.IndexFunc(w.config.Policies, func(p Policy) bool { return p.Name == policy })
	if i < 0 {
		return fmt.Sprintf("modes %v", w.config.Modes)
	}
	return fmt.Sprintf("policy %+v, modes %v, spent %v, proven %v", w.config.Policies[i], w.config.Modes, w.spent[policy], w.proven)
}

// world makes random policies of the golden ones, and puts them in force.
func (tr *trial) world(r *rand.Rand) *world {
	tr.Helper()
	c, err := Parse([]byte(goldenPolicy))
	if err != nil {
		tr.Fatal(err)
	}
	w := &world{config: c, spent: map[string]map[kernelBudget]bool{}, proven: map[netip.Addr]bool{}, listen: map[netip.AddrPort]bool{}}
	c.Modes = map[Reason]Mode{}
	for why := range Reasons {
		if r.IntN(4) == 0 && Reason(why).general() {
			c.Modes[Reason(why)] = Mode(1 + r.IntN(3))
		}
	}
	for i := range c.Policies {
		p := &c.Policies[i]
		p.Modes = map[Reason]Mode{}
		for why := range Reasons {
			if w := Reason(why); r.IntN(5) == 0 && w.settable() && !w.general() {
				p.Modes[w] = Mode(1 + r.IntN(3))
			}
		}
		if p.Mode != Off && r.IntN(6) == 0 {
			p.Mode = Monitor
		}
		p.Outbound = r.IntN(3) == 0
		p.Budgets.Fragment.Unlimited = r.IntN(2) == 0
		w.spent[p.Name] = map[kernelBudget]bool{}
		for b := range kernelBudgetBUDGET_COUNT {
			if (b != kernelBudgetBUDGET_FRAGMENT || p.Budgets.Fragment.Unlimited) && r.IntN(4) == 0 {
				w.spent[p.Name][b] = true
			}
		}
	}
	if err := c.Validate(); err != nil {
		tr.Fatal(err)
	}
	if err := tr.Apply(c); err != nil {
		tr.Fatal(err)
	}
	for name, budgets := range w.spent {
		for b := range budgets {
			tr.change(name, spent(b))
		}
	}
	for _, a := range []netip.Addr{client4, client6, addr("192.0.2.9")} {
		tr.unproven(a)
		if r.IntN(2) == 0 {
			tr.proves(a, token, tr.shown())
			if a.Is6() {
				a = netip.PrefixFrom(a, 64).Masked().Addr()
			}
			w.proven[a] = true
		}
	}
	w.listen[netip.AddrPortFrom(shop4, 80)], w.listen[netip.AddrPortFrom(shop6, 80)] = true, true
	return w
}
