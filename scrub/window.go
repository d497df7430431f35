//go:build linux

package scrub

import "time"

// SetWindow opens a window, moves its end, or closes it. It closes by the kernel's
// clock, whatever becomes of this process.
func (s *Scrubber) SetWindow(w Window) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.handOn == nil {
		return ErrNoRing
	}
	settings, err := s.settings()
	if err != nil {
		return err
	}
	settings.Ring.Until = 0
	if !w.Until.IsZero() {
		settings.Ring.Until = s.clock.at(w.Until)
		settings.Ring.Next, settings.Ring.Rate = addrWord(w.Next), s.handOn.rate(w.Rate, s.cpus)
	}
	return s.set(settings)
}

// Window is the one that is open; its rate is not told. Until is zero if none is.
func (s *Scrubber) Window() (w Window, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	settings, err := s.settings()
	if err != nil {
		return w, err
	}
	if until := settings.Ring.Until; until > s.clock.at(time.Now()) {
		w = Window{Next: wordAddr(settings.Ring.Next), Until: s.clock.time(until)}
	}
	return w, nil
}
