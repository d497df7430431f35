//go:build linux && !race

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

// compared is a packet, its model, and the result of the program.
type compared struct {
	model  *model
	packet []byte
	got    expect
}

// TestModel compares the program with the model on random packets and policies.
func TestModel(t *testing.T) {
	need.Time(t)
	h := newHarness(t, goldenPolicy)
	h.listen()
	r := rand.New(rand.NewPCG(1, 2))
	var corpus [][]byte
	for _, g := range goldens() {
		corpus = append(corpus, g.packet)
	}
	slices.SortFunc(corpus, bytes.Compare) // some come out of maps: each run is to be the same
	met, probes, wrong := map[string]int{}, 0, 0
	var kept []compared
	for range modelRounds {
		w := h.model(r)
		h.in(func() error {
			for n := range modelPackets / modelRounds {
				packet := mutated(r, corpus)
				j, err := h.run(packet)
				if err != nil {
					return err
				}
				want, got := w.judge(packet, stages), h.saying(j)
				met[fmt.Sprintf("%s v6=%t", got.reason, read(packet).dst.Is6())]++
				switch {
				case want.reason == "syn_cookie" && got.reason == "syncookie_refresh":
					probes++
					got.reason = want.reason
				case want.reason == "too_big" && got.reason == "no_route":
					got.reason = want.reason // more of these answers than it gives in a second
				}
				if n%10 == 0 {
					kept = append(kept, compared{w, packet, got})
				}
				intact := j.action != 2 || bytes.Equal(j.bytes, packet)
				if wrong < 10 && (got != want || j.action != actionOf(j.reason) || !intact) {
					wrong++
					t.Errorf("%x: %+v with action %d, intact %t; the model says %+v\n%s", packet, got, j.action, intact, want, w.about(got.policy))
				}
			}
			return nil
		})
	}
	for reason := range Reasons {
		for _, v6 := range []bool{false, true} {
			if key := fmt.Sprintf("%s v6=%t", Reason(reason), v6); met[key] < 100 && !slices.Contains(append(needsWindow, "syn_auth_rst", "syncookie_refresh"), Reason(reason).String()) {
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
		return slices.IndexFunc(kept, func(c compared) bool { return c.model.judge(c.packet, wrong) != c.got })
	}
	if i := differs(stages); i >= 0 {
		t.Errorf("the model itself differs at %d", i)
	}
	for i, s := range stages {
		if s.reason == "" {
			continue
		}
		if wrong := slices.Delete(slices.Clone(stages), i, i+1); differs(wrong) < 0 {
			t.Errorf("no packet shows that the model lacks stage %d, %s", i, s.reason)
		}
	}
	swapped := slices.Clone(stages)
	i := slices.IndexFunc(stages, func(s stage) bool { return s.reason == "allowed" })
	swapped[i], swapped[i+1] = swapped[i+1], swapped[i]
	if differs(swapped) < 0 {
		t.Error("no packet shows that the model denies before it allows")
	}
}

// saying is a judgement as the model says it.
func (h *harness) saying(j judged) expect {
	s := expect{policy: h.policies[j.policy], reason: j.reason.String()}
	if j.watched > 0 {
		s.watched = j.watched.String()
	}
	return s
}

// about describes a model.
func (w model) about(policy string) string {
	i := slices.IndexFunc(w.config.Policies, func(p Policy) bool { return p.Name == policy })
	if i < 0 {
		return fmt.Sprintf("modes %v", w.config.Modes)
	}
	return fmt.Sprintf("policy %+v, modes %v, spent %v, verified %v", w.config.Policies[i], w.config.Modes, w.spent[policy], w.verified)
}

// model makes random policies of the golden ones, and puts them in force.
func (h *harness) model(r *rand.Rand) *model {
	h.Helper()
	c, err := Parse([]byte(goldenPolicy))
	if err != nil {
		h.Fatal(err)
	}
	w := &model{config: c, spent: map[string]map[kernelBudget]bool{}, verified: map[netip.Addr]bool{}, listen: map[netip.AddrPort]bool{}}
	c.Modes = map[Reason]Mode{}
	for reason := range Reasons {
		if r.IntN(4) == 0 && Reason(reason).general() {
			c.Modes[Reason(reason)] = Mode(1 + r.IntN(3))
		}
	}
	for i := range c.Policies {
		p := &c.Policies[i]
		p.Modes = map[Reason]Mode{}
		for reason := range Reasons {
			if w := Reason(reason); r.IntN(5) == 0 && w.settable() && !w.general() {
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
		h.Fatal(err)
	}
	if err := h.Apply(c); err != nil {
		h.Fatal(err)
	}
	for name, budgets := range w.spent {
		for b := range budgets {
			h.change(name, spent(b))
		}
	}
	for _, a := range []netip.Addr{client4, client6, addr("192.0.2.9")} {
		h.unverify(a)
		if r.IntN(2) == 0 {
			h.verify(a, token, h.shown())
			if a.Is6() {
				a = netip.PrefixFrom(a, 64).Masked().Addr()
			}
			w.verified[a] = true
		}
	}
	w.listen[netip.AddrPortFrom(shop4, 80)], w.listen[netip.AddrPortFrom(shop6, 80)] = true, true
	return w
}
