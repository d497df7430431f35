//go:build linux

package daemon

import (
	"errors"
	"log/slog"
	"maps"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"github.com/theriac-edge/theriac/hint"
	"github.com/theriac-edge/theriac/scrub/pinset"
)

// How often one interface is attached at most: an interface that comes and goes in
// quick turns, or that refuses the program, is tried three times at once and then
// every four seconds.
const (
	attachEvery = 4 * time.Second
	attachBurst = 3
)

// interfaces keeps a program attached to the interfaces of a policy file, at one hook.
// One that was missing at the start, or comes back as a new one, is attached when it
// is there. A program that somebody has taken off an interface is not put back.
type interfaces struct {
	log     *slog.Logger
	attach  func(name string) (pinset.Attachment, error) // works without privileges
	live    func() map[int]string                        // to which it is attached, by index
	changed func()                                       // called after interfaces were attached

	attached, refused atomic.Uint64 // tries since the start

	mu     sync.Mutex
	wanted []*wanted
	known  map[int]pinset.Attachment // as they were attached, by index
}

// newInterfaces keeps interfaces, of which some are attached already.
func newInterfaces(log *slog.Logger, names []string, attached []pinset.Attachment) *interfaces {
	i := &interfaces{log: log, known: make(map[int]pinset.Attachment), changed: func() {}}
	for _, a := range attached {
		i.known[a.Index] = a
	}
	for _, name := range names {
		w := &wanted{name: name, tries: rate.NewLimiter(rate.Every(attachEvery), attachBurst)}
		if at := slices.IndexFunc(attached, func(a pinset.Attachment) bool { return a.Interface == name }); at >= 0 {
			w.index, w.state = attached[at].Index, isAttached
		}
		i.wanted = append(i.wanted, w)
	}
	for _, a := range attached {
		if !slices.Contains(names, a.Interface) {
			w := &wanted{name: a.Interface, unnamed: true, index: a.Index, state: isAttached, tries: rate.NewLimiter(rate.Every(attachEvery), attachBurst)}
			i.wanted = append(i.wanted, w)
		}
	}
	return i
}

// deleted notes that the kernel has deleted an interface: one that has its index
// afterwards is another one.
func (i *interfaces) deleted(index int) {
	i.mu.Lock()
	defer i.mu.Unlock()
	for _, w := range i.wanted {
		w.gone = w.gone || w.index == index
	}
}

// look attaches the program where it is missing, and logs what has changed.
func (i *interfaces) look(now time.Time) {
	all, err := net.Interfaces()
	if err != nil {
		i.log.Error("cannot list the interfaces, so none is attached that comes late", "error", err)
		return
	}
	if i.compare(now, all) {
		i.changed()
	}
}

// compare compares the interfaces that there are with those that are wanted, and
// reports whether it has attached one.
func (i *interfaces) compare(now time.Time, all []net.Interface) (attached bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	live, complete := i.live(), true
	for _, w := range i.wanted {
		i.adopt(w, live, all)
		state, name, why := w.compare(live, all)
		w.gone = w.isGone(all) && state != isAttached
		switch state {
		case isRefused:
			if w.tries.AllowN(now, 1) {
				attached = i.try(w, name) || attached
			}
		case isRenamed:
			w.alias = name
			fallthrough
		default:
			w.becomes(i.log, state, why)
		}
		complete = complete && (w.unnamed || w.state == isAttached)
	}
	i.wanted = slices.DeleteFunc(i.wanted, func(w *wanted) bool { return w.unnamed && complete && live[w.index] == "" })
	for index := range i.known {
		if live[index] == "" && !slices.ContainsFunc(i.wanted, func(w *wanted) bool { return w.index == index }) {
			delete(i.known, index)
		}
	}
	return attached
}

// adopt takes an interface that has the name and the program for the one that is wanted.
// It may have got the name, or another index on its way through another network
// namespace, in which it kept the program.
func (i *interfaces) adopt(w *wanted, live map[int]string, all []net.Interface) {
	index := indexOf(w.name, all)
	if index == 0 || index == w.index || live[index] != w.name {
		return
	}
	if _, known := i.known[index]; !known {
		a := i.known[w.index]
		a.Index = index
		i.known[index] = a
	}
	w.index = index
}

// try attaches the program to an interface that is there, under a name that it has.
func (i *interfaces) try(w *wanted, name string) bool {
	a, err := i.attach(name)
	if err != nil {
		i.refused.Add(1)
		w.becomes(i.log, isRefused, err)
		return false
	}
	i.attached.Add(1)
	w.index, w.gone, i.known[a.Index] = a.Index, false, a
	if name == w.name {
		w.alias = ""
	}
	w.becomes(i.log, isAttached, nil)
	warnGeneric(i.log, []pinset.Attachment{a})
	return true
}

// errNotYet is why an interface that has just come is not attached.
var errNotYet = hint.New(errors.New("it has just come"), "wait a moment")

// states are the interfaces of the policy file, and those to which the program is
// attached besides.
func (i *interfaces) states() (all []Attachment) {
	there, err := net.Interfaces()
	if err != nil {
		i.log.Error("cannot list the interfaces", "error", err)
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	live := i.live()
	for _, w := range i.wanted {
		i.adopt(w, live, there)
		a := Attachment{Attachment: i.known[w.index]}
		a.Interface = w.name
		switch state, name, why := w.compare(live, there); state {
		case isRenamed:
			a.Renamed = name
		case isDetached:
			a.Detached = true
		case isRefused:
			if why == nil {
				why = errNotYet
			}
			a.Refused, a.Try = why.Error(), hint.Of(why)
		case isMissing:
			a.Missing = true
		}
		delete(live, w.index)
		if a.Unnamed = w.unnamed; w.unnamed && a.Missing {
			continue
		}
		all = append(all, a)
	}
	for _, index := range slices.Sorted(maps.Keys(live)) {
		a := Attachment{Attachment: i.known[index], Unnamed: true}
		a.Interface, a.Index = live[index], index
		all = append(all, a)
	}
	return all
}

// now is the name that an interface of the policy file has now.
func (i *interfaces) now(name string) string {
	i.mu.Lock()
	defer i.mu.Unlock()
	live := i.live()
	for _, w := range i.wanted {
		if w.name == name && live[w.index] != "" {
			return live[w.index]
		}
	}
	return name
}
