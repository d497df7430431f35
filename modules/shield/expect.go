package shield

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/theriac-edge/theriac/counters"
	"github.com/theriac-edge/theriac/modules/shield/levels"
	"github.com/theriac-edge/theriac/shop"
)

// campaignID is the id of the one campaign of a tier.
const campaignID = "tier"

// SetCampaign has every shop at level 1 at least, at every edge, for a while from now on. Its
// errors are those of Pin.
func (a *App) SetCampaign(ctx context.Context, c levels.Campaign, lasts time.Duration) error {
	if lasts <= 0 {
		return errors.New("a campaign lasts longer than 0s")
	}
	value, err := levels.Encode(c)
	if err != nil {
		return fmt.Errorf("encoding the campaign: %w", err)
	}
	return sharedLater(a.runtime.store.Set(ctx, counters.Campaign, campaignID, value, lasts, counters.Automatic))
}

// EndCampaign ends the campaign before its time. Its errors are those of Pin.
func (a *App) EndCampaign(ctx context.Context) error {
	if a.Campaign() == nil {
		return nil
	}
	return sharedLater(a.runtime.store.Delete(ctx, counters.Campaign, campaignID, counters.Automatic))
}

// Campaign returns the campaign that holds; nil: none.
func (a *App) Campaign() *levels.Campaign { return a.runtime.levels.Campaign() }

// Expect announces a peak at a shop to every edge, in place of the one before. Its errors are
// those of Pin.
func (a *App) Expect(ctx context.Context, id shop.ID, peak levels.Peak, now time.Time) error {
	if a.shops[id] == nil {
		return unknownShop(id)
	}
	if err := peak.Check(now); err != nil {
		return err
	}
	value, err := levels.Encode(peak)
	if err != nil {
		return fmt.Errorf("encoding what is expected at %s: %w", id, err)
	}
	return sharedLater(a.runtime.store.Set(ctx, counters.Expect, string(id), value, peak.To.Sub(now), counters.Manual))
}

// ExpectNone withdraws what was announced. Its errors are those of Pin.
func (a *App) ExpectNone(ctx context.Context, id shop.ID) error {
	if a.shops[id] == nil {
		return unknownShop(id)
	}
	return sharedLater(a.runtime.store.Delete(ctx, counters.Expect, string(id), counters.Manual))
}

// Expected returns how many times as many visitors as usual people expect at a shop now: 1 if
// nobody has announced a peak.
func (a *App) Expected(id shop.ID, now time.Time) (factor float64) {
	if e, ok := a.runtime.store.Get(counters.Expect, string(id)); ok {
		if peak, err := levels.ParsePeak(e.Value); err == nil && peak.Covers(now) {
			return peak.Factor
		}
	}
	return 1
}

// ShopPeak is a peak that was announced for a shop.
type ShopPeak struct {
	Shop shop.ID `json:"shop"`
	levels.Peak
}

// Peaks returns the peaks that were announced and are not over, the first to come in front.
func (a *App) Peaks() []ShopPeak {
	peaks := []ShopPeak{}
	for _, e := range a.runtime.store.All(counters.Expect) {
		if peak, err := levels.ParsePeak(e.Value); err == nil {
			peaks = append(peaks, ShopPeak{Shop: shop.ID(e.ID), Peak: *peak})
		}
	}
	slices.SortFunc(peaks, func(a, b ShopPeak) int { return a.From.Compare(b.From) })
	return peaks
}
