//go:build linux

package daemon

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

const (
	// The kernel tells of several changes for one interface that comes.
	settleTime = 100 * time.Millisecond

	// In case that notifications are lost.
	lookEvery = 3 * time.Second
)

// follow looks at the interfaces whenever the kernel tells of a change, and every few
// seconds, until the context ends.
func follow(ctx context.Context, log *slog.Logger, all ...*interfaces) error {
	for said := false; ; said = true {
		err := followLinks(ctx, all)
		if ctx.Err() != nil {
			return nil
		}
		if !said {
			log.Warn("the kernel does not tell of interfaces that come and go: they are looked for every "+lookEvery.String(), "error", err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(lookEvery):
		}
	}
}

// errLost is why notifications end, such as for want of room in the socket.
var errLost = errors.New("its notifications were lost")

// followLinks is follow until notifications end.
func followLinks(ctx context.Context, all []*interfaces) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	updates := make(chan netlink.LinkUpdate)
	err := netlink.LinkSubscribe(updates, ctx.Done())
	for _, i := range all {
		i.look(time.Now()) // no change since the subscription is missed
	}
	if err != nil {
		return err
	}
	defer func() {
		cancel()
		for range updates { // its sender ends then
			continue
		}
	}()
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		case update, ok := <-updates:
			if !ok {
				return errLost
			}
			settle(update, updates, all)
		}
		for _, i := range all {
			i.look(time.Now())
		}
	}
}

// settle takes notifications until those of one change are likely to have come.
func settle(first netlink.LinkUpdate, more <-chan netlink.LinkUpdate, all []*interfaces) {
	settled := time.After(settleTime)
	for update, ok := first, true; ok; {
		if update.Header.Type == unix.RTM_DELLINK && update.Family == unix.AF_UNSPEC { // and not: left a bridge
			for _, i := range all {
				i.deleted(int(update.Index))
			}
		}
		select {
		case <-settled:
			return
		case update, ok = <-more:
		}
	}
}
