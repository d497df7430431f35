package denylist

import (
	"testing"
	"time"

	"github.com/theriac-edge/theriac/shop"
)

func TestRateOfAShop(t *testing.T) {
	now := time.Now()
	p := newShopLimiter(shop.Rate{Events: 3, Per: time.Minute})
	took := func(id shop.ID, at time.Time) (n int) {
		for p.take(id, at) {
			n++
		}
		return n
	}
	for _, step := range []struct {
		about string
		shop  shop.ID
		after time.Duration
		want  int
	}{
		{"at first", "loewen", 0, 3},
		{"another shop", "sonnen", 0, 3},
		{"a third of a minute later", "loewen", 20 * time.Second, 1},
		{"much later", "loewen", time.Hour, 3},
	} {
		if got := took(step.shop, now.Add(step.after)); got != step.want {
			t.Errorf("%s: %d bans, want %d", step.about, got, step.want)
		}
	}
}

func TestUnboundedShops(t *testing.T) {
	p := newShopLimiter(shop.Rate{Events: 2, Per: time.Minute})
	now, took := time.Now(), 0
	for i := range 3 * maxShops {
		if p.take(shop.ID(time.Duration(i).String()), now) {
			took++
		}
	}
	if want := maxShops + 2; took != want {
		t.Errorf("%d bans of shops that were never seen, want %d", took, want)
	}
	if len(p.shops) > maxShops+1 {
		t.Errorf("%d shops are kept", len(p.shops))
	}
}
