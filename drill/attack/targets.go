package attack

import (
	"cmp"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	vegeta "github.com/tsenart/vegeta/v12/lib"

	"github.com/theriac-edge/theriac/drill/load"
	"github.com/theriac-edge/theriac/drill/scenario"
)

// HostOf is the host name of a shop in a drill, and ShopOf the shop of a host name.
func HostOf(shop string) string { return shop + ".localhost" }

// ShopOf is the shop of a host name that HostOf made.
func ShopOf(host string) string {
	shop, _, _ := strings.Cut(host, ".")
	return shop
}

// forms is how many different forms a wave sends.
const forms = 64

// targets are the wave's requests, sent in turn.
func (a *Attack) targets() (all []vegeta.Target) {
	random := rand.New(rand.NewPCG(a.seed, uint64(len(a.wave.Name))))
	for _, path := range a.wave.Paths {
		page := vegeta.Target{Method: http.MethodGet, URL: a.base + path, Header: load.Navigation(a.host, cmp.Or(a.wave.Agent, load.Chrome))}
		if !a.wave.Vector.Posts() {
			all = append(all, page)
			continue
		}
		for range forms {
			form := page
			form.Method = http.MethodPost
			form.Header = load.Navigation(a.host, cmp.Or(a.wave.Agent, load.Chrome))
			form.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			form.Header.Set("Origin", a.base)
			form.Header.Set("Sec-Fetch-Site", "same-origin")
			form.Body = []byte(formOf(a.wave.Vector, random).Encode())
			all = append(all, form)
		}
	}
	return all
}

// formOf fills in a form as the attack does. None of them can become an order: the
// shop has handed out no such draft.
func formOf(v scenario.Vector, random *rand.Rand) url.Values {
	n := strconv.Itoa(random.IntN(1_000_000))
	switch v {
	case scenario.Login:
		return url.Values{"email": {"kundin" + n + "@apotheke.example"}, "password": {"geheim" + n}}
	case scenario.Cart:
		return url.Values{"action": {"add"}, "product": {strconv.Itoa(1 + random.IntN(9))}, "quantity": {"1"}, "note": {strings.Repeat("Bitte gut verpacken. ", 40)}}
	}
	return url.Values{
		"draft": {"d" + n}, "name": {"Erika Mustermann"}, "email": {"kundin" + n + "@apotheke.example"},
		"street": {"Heidestraße 17"}, "zip": {"51147"}, "city": {"Köln"}, "payment": {"paypal"},
	}
}
