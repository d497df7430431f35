package shield

import (
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/theriac-edge/theriac/modules/shield/clientip"
	"github.com/theriac-edge/theriac/modules/shield/places"
	"github.com/theriac-edge/theriac/modules/shield/secret"
	"github.com/theriac-edge/theriac/shop/ban"
)

const (
	oldSecret = "the old one of sixteen bytes or more"
	newSecret = "the new one of sixteen bytes or more"
)

// change puts other secrets in force, as a changed file does.
func (a *App) change(t testing.TB, lines ...string) {
	t.Helper()
	read, err := secret.Parse(strings.Join(lines, "\n"))
	if err != nil {
		t.Fatal(err)
	}
	a.log = zap.NewNop()
	a.use(read)
}

// TestWhatASecretHashedIsFoundUnderBoth: bans, customers' subnets and places, of either edge
// while they change to another secret. Alone, the new one finds nothing.
func TestWhatASecretHashedIsFoundUnderBoth(t *testing.T) {
	a, now := testApp(t), time.Now()
	a.runtime.places = places.New(a.runtime.store, a.runtime.hashers)
	addr, subnet := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("198.51.100.1")
	a.change(t, oldSecret)
	a.banFor(t, "192.0.2.1/32", "")
	a.runtime.store.Protect(a.Hasher().Ban(clientip.Subnet(subnet)), now)
	place, serves := a.Places().Find([]byte("loewen/media/jpg"), now)
	a.Places().LearnAsset("loewen", place, now)
	if serves {
		t.Error("a place that was never met serves assets")
	}
	for _, step := range []struct {
		secrets []string
		want    bool
	}{
		{[]string{oldSecret}, true},
		{[]string{oldSecret, newSecret}, true},
		{[]string{newSecret, oldSecret}, true},
		{[]string{newSecret}, false},
	} {
		a.change(t, step.secrets...)
		_, serves := a.Places().Find([]byte("loewen/media/jpg"), now)
		if banned, protected := a.IsBanned(addr, now), a.Protected(subnet, now); banned != step.want || protected != step.want || serves != step.want {
			t.Errorf("%q: banned %t, protected %t, serves assets %t; want %t", step.secrets, banned, protected, serves, step.want)
		}
	}
}

// TestASecretThatIsNotAcceptedAnyMore is told of: two lines may have become one.
func TestASecretThatIsNotAcceptedAnyMore(t *testing.T) {
	a := testApp(t)
	core, logs := observer.New(zap.InfoLevel)
	for _, step := range []struct {
		secrets string
		want    string // the level
	}{
		{oldSecret, "warn"},
		{oldSecret, ""},
		{oldSecret + "\n" + newSecret, "info"},
		{newSecret + "\n" + oldSecret, "info"},
		{newSecret, "info"},
		{newSecret + oldSecret, "warn"},
	} {
		read, err := secret.Parse(step.secrets)
		if err != nil {
			t.Fatal(err)
		}
		a.log = zap.New(core)
		a.use(read)
		var got strings.Builder
		for _, line := range logs.TakeAll() {
			got.WriteString(line.Level.String())
		}
		if got.String() != step.want {
			t.Errorf("%q: level %q, want %q", step.secrets, got.String(), step.want)
		}
	}
}

// TestUnbanningLiftsTheBansOfAllSecrets, also those of one that is no longer accepted.
func TestUnbanningLiftsTheBansOfAllSecrets(t *testing.T) {
	a, prefix := testApp(t), netip.MustParsePrefix("192.0.2.1/32")
	var lifted []ban.Event
	a.runtime.store.ListenBans(func(e ban.Event) {
		if e.Kind == ban.Lifted {
			lifted = append(lifted, e)
		}
	})
	a.change(t, oldSecret)
	a.banFor(t, "192.0.2.1/32", "")
	if !a.IsBanned(prefix.Addr(), time.Now()) { // now its address is known
		t.Fatal("not banned")
	}
	a.change(t, newSecret)
	a.banFor(t, "192.0.2.1/32", "")
	if n, _ := a.Unban(prefix, time.Now()); n != 2 || len(a.runtime.store.Bans()) != 0 {
		t.Errorf("%d lifted, %d are left; want 2 and none", n, len(a.runtime.store.Bans()))
	}
	client := a.Hasher().Client(time.Now(), prefix.Addr())
	if !slices.ContainsFunc(lifted, func(e ban.Event) bool { return e.Client == client }) {
		t.Errorf("the counts of the client stay: %+v", lifted)
	}
}

// TestAChangedFileIsTaken, once it is read twice alike, and one that cannot be used is not.
func TestAChangedFileIsTaken(t *testing.T) {
	a, path := testApp(t), filepath.Join(t.TempDir(), "secret")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(oldSecret + "\n")
	a.log, a.Secret = zap.NewNop(), "{file."+path+"}"
	rt := a.runtime
	a.runtime = nil // as it is when the configuration is read
	if err := a.readSecret(); err != nil {
		t.Fatal(err)
	}
	a.runtime = rt
	a.use(a.secrets)
	mark := func(text string) string {
		s, err := secret.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		return s.Hashers[0].Fingerprint()
	}
	for _, step := range []struct {
		says, first, trouble string
		do                   func()
	}{
		{"the same", oldSecret, "", func() { write(oldSecret + "\n") }},
		{"half written", oldSecret, "", func() { write(newSecret[:20]) }},
		{"whole, read once", oldSecret, "", func() { write(newSecret + "\n" + oldSecret) }},
		{"read twice", newSecret, "", func() {}},
		{"gone", newSecret, "no such file", func() { os.Remove(path) }},
		{"too short, once", newSecret, "", func() { write("short") }},
		{"too short", newSecret, "has 5 bytes", func() {}},
		{"right again", newSecret, "", func() { write(newSecret + "\n" + oldSecret) }},
	} {
		step.do()
		a.lookAll()
		if got := a.Hasher().Fingerprint(); got != mark(step.first) {
			t.Errorf("%s: the secret is %s, want %s", step.says, got, mark(step.first))
		}
		troubles := strings.Join(a.Unusable(), "\n")
		if step.trouble == "" && step.says == "right again" && troubles != "" || !strings.Contains(troubles, step.trouble) {
			t.Errorf("%s: trouble %q, want %q", step.says, troubles, step.trouble)
		}
	}
}
