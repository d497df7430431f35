package limit

import (
	"sync"

	"go.uber.org/zap"

	"github.com/theriac-edge/theriac/counters"
	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/shop/netkey"
)

// partners are the zones of the shop's partners. A zone is made on the first request of
// its partner, since only the visit knows the partners.
type partners struct {
	shop   shop.ID
	hasher func() *netkey.Hasher
	log    *zap.Logger
	shadow bool
	table  *shop.Table
	zones  sync.Map // *shop.Partner to *Zone; bounded by the configuration
}

func (p *partners) zone(partner *shop.Partner) *Zone {
	if known, ok := p.zones.Load(partner); ok {
		return known.(*Zone)
	}
	z := &Zone{
		Name: "partner-" + partner.Name, Key: []string{"shop"}, Rate: partner.Rate, Burst: partner.Burst,
		limit:  counters.Limit{Interval: partner.Rate.Interval(), Burst: partner.Burst, Spread: true},
		shadow: p.shadow,
	}
	if partner.Crawler {
		z.crawler = reduced(&z.limit, p.table, func(m *shop.Measures) shop.Percent { return m.Crawlers })
	}
	z.prepare(p.shop, p.hasher, p.log)
	known, _ := p.zones.LoadOrStore(partner, z)
	return known.(*Zone)
}
