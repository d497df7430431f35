package world

import (
	"math"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/drill/scenario"
	"github.com/theriac-edge/theriac/test/need"
	"github.com/theriac-edge/theriac/watch"
)

// An edge knows from its first second on what is usual at a shop, and of the other one,
// which is the control, nothing.
func TestEdgesKnowWhatIsUsual(t *testing.T) {
	s, err := scenario.Parse("usual.yaml", []byte("name: usual\nfor: 1s\nshops: [{name: loewen, usual: 2/s}, {name: sonnen}]\ncustomers: {known: 45%}\n"))
	if err != nil {
		t.Fatal(err)
	}
	w, err := Open(t.Context(), Options{Kind: Shield, Scenario: s, Dir: t.TempDir(), Edge: need.Command(t, "theriac"), Drill: need.Command(t, "drill")})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	var said struct {
		Shops []struct {
			Shop  string  `json:"shop"`
			Usual float64 `json:"usual"`
			Hours int     `json:"hours"`
		} `json:"shops"`
	}
	for begun := time.Now(); ; time.Sleep(50 * time.Millisecond) {
		if err := w.front.get(t.Context(), "/shield/watch", &said); err != nil {
			t.Fatal(err)
		}
		if len(said.Shops) == 2 && said.Shops[0].Hours > 0 || time.Since(begun) > 20*time.Second {
			break
		}
	}
	if len(said.Shops) != 2 {
		t.Fatalf("the edge tells of %+v", said.Shops)
	}
	if p := said.Shops[0]; p.Shop != "loewen" || p.Hours != 4*168 || math.Abs(p.Usual-1.1) > 0.01 {
		t.Errorf("got %+v, want 672 hours and 1.1 strangers a second: 55 %% of two customers", p)
	}
	if p := said.Shops[1]; p.Hours != 0 || p.Usual > 0.1 {
		t.Errorf("of a new shop the edge knows %+v", p)
	}
}

// What is taught are the customers of the drill: of two a second, each with three pages and
// those that buy with four more.
func TestUsual(t *testing.T) {
	got := usual(&scenario.Shop{Usual: 2}, &scenario.Customers{Known: 0.45, Buy: 0.3, Pictures: true}).Expected(0)
	dynamic := 2 * (visitPages + visitSearches + visitOrders*0.3)
	for what, c := range map[string][2]float64{
		"strangers": {got.Strangers[watch.Page], 1.1}, "dynamic requests": {got.Dynamic, dynamic},
		"assets for each": {got.Assets, 2 * visitAssets / dynamic}, "carts of these": {got.Carts, 2 * visitOrders * 0.3 / dynamic},
		"orders": {got.Orders, 0.6},
	} {
		if math.Abs(c[0]-c[1]) > 0.01*c[1] {
			t.Errorf("%s: got %g, want %g", what, c[0], c[1])
		}
	}
}
