package shield

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/theriac-edge/theriac/counters"
	"github.com/theriac-edge/theriac/modules/shield/secret"
	"github.com/theriac-edge/theriac/modules/shield/syntax"
	"github.com/theriac-edge/theriac/shop/netkey"
)

// readSecret reads the secret of this configuration, which comes into force with it.
func (a *App) readSecret() error {
	if a.Secret == "" {
		return nil
	}
	return a.Reread("the secret", a.Secret, func(value string) error {
		read, err := secret.Parse(value)
		switch {
		case err != nil:
			return err
		case a.runtime == nil:
			a.secrets = read
		default:
			a.use(read)
		}
		return nil
	})
}

// use puts secrets in force. A configuration without any keeps those that are.
func (a *App) use(read *secret.Set) {
	if read == nil {
		return
	}
	read.Follow(a.runtime.time)
	was, is := a.runtime.secrets.Swap(read).Fingerprints(), read.Fingerprints()
	fields := []zap.Field{zap.String("first", is[0]), zap.Strings("accepted", is[1:])}
	switch {
	case slices.Equal(is, was):
	case !slices.Contains(is, was[0]):
		a.log.Warn("another secret is in force, and the one before is not accepted: passes and time stamps that it signed are void, "+
			"bans of clients end; if that was not meant, write the one before into the next line of the file", fields...)
	default:
		a.log.Info("other secrets are in force: limits start full once where the first has changed, as at midnight", fields...)
	}
}

// hasher is of the secret that makes keys now.
func (rt *runtime) hasher() *netkey.Hasher { return rt.hashers()[0] }

// hashers are of all secrets whose keys may still be in the store.
func (rt *runtime) hashers() []*netkey.Hasher { return rt.secrets.Load().Hashers }

// SecretStatus is which secrets an edge has, by fingerprint.
type SecretStatus struct {
	First    string   `json:"first"`              // hashes addresses and signs tokens
	Accepted []string `json:"accepted,omitempty"` // whose tokens and bans hold as well
	Unlike   []string `json:"unlike,omitempty"`   // live edges that do not share it, and how
}

// SecretStatus reports which secrets are in force; nil for an edge with a random one.
func (a *App) SecretStatus() *SecretStatus {
	if a.Secret == "" {
		return nil
	}
	store, others := a.runtime.store, make(map[string][]string)
	live := store.Status().Nodes
	for _, entry := range store.All(counters.Secret) {
		if entry.ID != a.Node && slices.Contains(live, entry.ID) {
			others[entry.ID] = strings.Fields(entry.Value)
		}
	}
	mine := a.runtime.secrets.Load().Fingerprints()
	return &SecretStatus{First: mine[0], Accepted: mine[1:], Unlike: secret.Unlike(mine, others)}
}

// Reread has use called with the value of an option now, and with the new one each time that
// a file in it has changed. A value that use refuses, or a file that cannot be read, leaves
// the one before in force, which log, status and a metric say. It is for Provision.
func (a *App) Reread(name, text string, use func(value string) error) error {
	option, err := secret.Open(name, func() (string, error) { return syntax.Replace(text) }, use)
	if err != nil {
		return err
	}
	if syntax.NamesFile(text) {
		a.rereads = append(a.rereads, option)
	}
	return nil
}

// lookAll reads the files of all options again, and reports whether that is to be done again
// soon.
func (a *App) lookAll() (soon bool) {
	for _, option := range a.rereads {
		switch option.Look() {
		case secret.Soon:
			soon = true
		case secret.Taken:
			a.log.Info("read " + option.Name + " again: it is in force")
		case secret.Trouble:
			a.log.Error("cannot use "+option.Name+" as it is now; what was read before stays in force", zap.Error(option.Trouble()))
		}
	}
	return soon
}

// Unusable returns the options that cannot be used as they are now, and why.
func (a *App) Unusable() (all []string) {
	for _, option := range a.rereads {
		if why := option.Trouble(); why != nil {
			all = append(all, fmt.Sprintf("%s: %v", option.Name, why))
		}
	}
	return all
}

const (
	rereadEvery = 2 * time.Second
	rereadAgain = time.Second // after a file has changed

	tellSecretEvery = 10 * time.Minute
	secretLife      = time.Hour // of what the other edges know
)

// rereadFiles is the loop that reads the files of the configuration in force again, and tells
// the other edges which secrets this one has.
func (rt *runtime) rereadFiles(ctx context.Context) {
	var told time.Time
	var said string
	for pause := rereadEvery; ; {
		owner := rt.owner.Load()
		if owner != nil && owner.Secret != "" {
			if is := strings.Join(rt.secrets.Load().Fingerprints(), " "); is != said || time.Since(told) > tellSecretEvery {
				// If the store is lost it is told later.
				_ = rt.store.Set(ctx, counters.Secret, owner.Node, is, secretLife, counters.Automatic)
				told, said = time.Now(), is
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
		if pause = rereadEvery; owner != nil && owner.lookAll() {
			pause = rereadAgain
		}
	}
}
