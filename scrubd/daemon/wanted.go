//go:build linux

package daemon

import (
	"fmt"
	"log/slog"
	"net"
	"slices"

	"golang.org/x/time/rate"

	"github.com/theriac-edge/theriac/hint"
)

// wanted is an interface that the policy file names.
type wanted struct {
	name    string
	alias   string // what it was renamed to; empty: it was not
	unnamed bool   // the policy file does not name it, but it was attached at the start
	index   int    // of the interface that was last attached; 0: none was
	gone    bool   // that one has been deleted
	tries   *rate.Limiter

	state attachState
	err   error // why it is not attached
}

// attachState is what became of an interface.
type attachState uint8

const (
	notLooked attachState = iota
	isAttached
	isRenamed  // it is attached, and has another name now
	isMissing  // there is none of that name
	isDetached // another process has removed the program
	isRefused  // it cannot be attached
)

// isGone reports whether the interface that was last attached has been deleted.
func (w *wanted) isGone(all []net.Interface) bool {
	return w.gone || !slices.ContainsFunc(all, func(one net.Interface) bool { return one.Index == w.index })
}

// compare is the state of an interface, by what is attached and what there is. It is
// isRefused for one that is there and could be attached, under the name that is
// returned, and was not yet.
func (w *wanted) compare(live map[int]string, all []net.Interface) (state attachState, name string, why error) {
	name, index := w.name, indexOf(w.name, all)
	if index == 0 && w.alias != "" {
		name, index = w.alias, indexOf(w.alias, all)
	}
	switch on := live[w.index]; {
	case on == w.name && index == w.index:
		return isAttached, on, nil
	case on != "" && (index == 0 || index == w.index):
		return isRenamed, on, fmt.Errorf("it is called %s now", on)
	case index == 0:
		return isMissing, name, nil
	case index == w.index && !w.isGone(all):
		return isDetached, name, nil
	}
	if w.state == isRefused {
		why = w.err
	}
	return isRefused, name, why
}

// indexOf is the index of an interface; 0: there is none of that name.
func indexOf(name string, all []net.Interface) int {
	for _, one := range all {
		if one.Name == name {
			return one.Index
		}
	}
	return 0
}

// becomes logs a change of state.
func (w *wanted) becomes(log *slog.Logger, now attachState, err error) {
	was, why := w.state, w.err
	w.state, w.err = now, err
	if was == now && (err == nil || why != nil && err.Error() == why.Error()) {
		return
	}
	log = log.With("interface", w.name)
	switch now {
	case isMissing:
		if w.unnamed {
			log.Warn("an interface that the policy file does not name is gone: it is attached if it comes back before all of the file are there")
			return
		}
		log.Warn("an interface of the policy file is missing: it is attached as soon as it appears", "try", "ip link")
	case isAttached:
		log.Info("attached to an interface", "index", w.index)
	case isRenamed:
		log.Warn("an interface was renamed: its packets are still examined", "error", err, "try", "write the new name into the policy file before the next restart")
	case isDetached:
		log.Error("another process has removed the program from an interface: its packets are not examined", "try", "restart the service")
	case isRefused:
		log.Error("cannot attach to an interface: its packets are not examined; tried again every "+attachEvery.String(), "error", err, "try", hint.Of(err))
	}
}
