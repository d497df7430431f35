package denylist

import (
	"time"

	"golang.org/x/time/rate"

	"github.com/theriac-edge/theriac/shop"
)

// Limits bound what edges may do.
type Limits struct {
	PerShop    shop.Rate     // new bans per shop
	MaxEntries int           // bans at a time, of all edges together
	MaxTTL     time.Duration // a longer ban is shortened
}

// maxShops bounds the shops that are tracked; those beyond it share one rate.
const maxShops = 4096

// shopLimiter bounds how many new bans each shop can cause.
type shopLimiter struct {
	rate  shop.Rate
	shops map[shop.ID]*rate.Limiter
}

func newShopLimiter(r shop.Rate) *shopLimiter {
	return &shopLimiter{rate: r, shops: make(map[shop.ID]*rate.Limiter)}
}

// take reports whether the shop may cause one more.
func (s *shopLimiter) take(id shop.ID, now time.Time) bool {
	l := s.shops[id]
	if l == nil && len(s.shops) >= maxShops {
		id = "…" // not a valid ID of a shop
		l = s.shops[id]
	}
	if l == nil {
		l = rate.NewLimiter(rate.Every(s.rate.Interval()), int(s.rate.Events))
		s.shops[id] = l
	}
	return l.AllowN(now, 1)
}
