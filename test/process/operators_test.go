package process

import (
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/theriac-edge/theriac/test/edge"
	"github.com/theriac-edge/theriac/test/kit"
	"github.com/theriac-edge/theriac/test/need"
)

// TestOperatorsCanAsk: what the command prints agrees with what happened.
func TestOperatorsCanAsk(t *testing.T) {
	need.Loopback(t)
	t.Parallel()
	shop := kit.NewBackend(t)
	e := edge.Start(t, kit.Global("node fra-1")+kit.Site(kit.AnyHost, `shield loewen {
	name "Löwen Apotheke"
	limit login {
		match path /account/login
		rate 3/h
	}
}
header >X-Visitor "{http.shield.shop} {http.shield.class} {http.shield.client} [{http.shield.partner}] [{http.shield.stage}]"
shop_backend `+shop.Addr))
	client := edge.From("127.44.5.6")
	var last kit.Reply
	for range 5 {
		last = kit.Get(t, client, e.URL+"/account/login?secret=query", "Accept: text/html")
	}
	code := kit.Reference.FindString(last.Body)
	if code == "" {
		t.Fatalf("no reference on the page: %d %s", last.Status, last.Body)
	}
	passed := kit.Get(t, client, e.URL+"/")
	if got, want := passed.Header.Get("X-Visitor"), "loewen page "+code+" [] []"; got != want {
		t.Errorf("the placeholders say %q, want %q", got, want)
	}
	for _, c := range []struct {
		args  []string
		holds []string
	}{
		{[]string{"status"}, []string{"fra-1", "in this process", "keys"}},
		{[]string{"shops"}, []string{"loewen", "Löwen Apotheke", "6 ", "2 "}},
		{[]string{"explain", "127.44.5.6"}, []string{code, "login", "refused for", "limit 3/h"}},
		{[]string{"explain", "127.44.5.6", "--shop", "loewen"}, []string{code}},
		{[]string{"explain", "127.44.5.7"}, []string{"3 of 3 left"}},
		{[]string{"status", "--json"}, []string{`"node":"fra-1"`, `"kind":"memory"`}},
	} {
		said, err := edge.Run(t, append(append([]string{"shield"}, c.args...), "--address", e.Admin)...)
		if err != nil {
			t.Errorf("shield %v: %v\n%s", c.args, err, said)
		}
		for _, want := range c.holds {
			if !strings.Contains(said, want) {
				t.Errorf("shield %v: no %q in\n%s", c.args, want, said)
			}
		}
	}
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"explain", "nobody"}, "invalid address"},
		{[]string{"explain", "127.0.0.1", "--shop", "mond"}, "unknown shop"},
		{[]string{"status", "--address", need.Addr(t)}, "is the edge running"},
	} {
		args := append([]string{"shield"}, c.args...)
		if !strings.Contains(strings.Join(args, " "), "--address") {
			args = append(args, "--address", e.Admin)
		}
		said, err := edge.Run(t, args...)
		if err == nil || !strings.Contains(said, c.want) {
			t.Errorf("%v: %v, no %q in\n%s", args, err, c.want, said)
		}
	}
	if log := e.Log(); !strings.Contains(log, `"zone":"login"`) {
		t.Errorf("no refusal in the log")
	}
	for _, secret := range []string{"127.44.5.6", "secret=query", "/account/login"} {
		if strings.Contains(e.Log(), secret) {
			t.Errorf("the log holds %q", secret)
		}
	}
}

// TestEdgesThatMustNotStart say why, and where.
func TestEdgesThatMustNotStart(t *testing.T) {
	t.Parallel()
	visit := func(name string) string {
		return fmt.Sprintf(`{"listen":[%q],"routes":[{"handle":[{"handler":"shop_visit","shop":"loewen","contact":{"name":%q}}]}]}`, need.Addr(t), name)
	}
	for _, c := range []struct{ what, config, file, want string }{
		{
			"two shops with one id in JSON", fmt.Sprintf(`{"admin":{"disabled":true},"apps":{"http":{"servers":{"a":%s,"b":%s}}}}`, visit("A"), visit("B")),
			"caddy.json", "duplicate shop",
		},
		{"redis without a secret", "{\n\tshield {\n\t\tredis redis://127.0.0.1:1\n\t}\n}\n:1234 {\n\tshield loewen\n}\n", "Caddyfile", "without secret"},
		{"two shops with one id", ":1234 {\n\tshield loewen\n}\n:1235 {\n\tshield loewen\n}\n", "Caddyfile", "duplicate shop"},
		{"an unknown word", ":1234 {\n\tshield loewen {\n\t\tlimmit x\n\t}\n}\n", "Caddyfile", "Caddyfile:3"},
		{"a wrong unit", ":1234 {\n\tshield loewen {\n\t\tlimit x {\n\t\t\trate 5/fortnight\n\t\t}\n\t}\n}\n", "Caddyfile", "Caddyfile:4"},
		{"a zone twice", ":1234 {\n\tshield loewen {\n\t\tlimit x {\n\t\t\trate 5/m\n\t\t}\n\t\tlimit x {\n\t\t\trate 6/m\n\t\t}\n\t}\n}\n", "Caddyfile", "duplicate zone"},
		{"a partner without a proof", ":1234 {\n\tshield loewen {\n\t\tpartner x {\n\t\t\trate 5/m\n\t\t}\n\t}\n}\n", "Caddyfile", "missing proof"},
		{"a short secret", "{\n\tshield {\n\t\tsecret short\n\t}\n}\n:1234 {\n\tshield loewen\n}\n", "Caddyfile", "at least 16"},
	} {
		path := t.TempDir() + "/" + c.file
		if err := os.WriteFile(path, []byte(c.config), 0o600); err != nil {
			t.Fatal(err)
		}
		command := "validate"
		if c.file != "Caddyfile" {
			command = "run" // ends at once; shops meet when the app starts
		}
		said, err := edge.Run(t, command, "--config", path)
		if err == nil || !strings.Contains(said, c.want) {
			t.Errorf("%s: %v, no %q in\n%s", c.what, err, c.want, said)
		}
		if strings.Contains(said, "panic") {
			t.Errorf("%s: %s", c.what, said)
		}
	}
}

// TestLogHoldsNoAddressWithAPath, not even where the shop fails.
func TestLogHoldsNoAddressWithAPath(t *testing.T) {
	need.Loopback(t)
	t.Parallel()
	e := edge.Start(t, kit.Global("")+kit.Site(kit.AnyHost, "shield loewen\nshop_backend "+need.Addr(t)))
	for range 3 {
		if got := kit.Get(t, edge.From("127.45.6.7"), e.URL+"/product/pregnancy-test").Status; got != http.StatusBadGateway {
			t.Errorf("status %d", got)
		}
	}
	for line := range strings.Lines(e.Log()) {
		if strings.Contains(line, "127.45.6.7") && strings.Contains(line, "pregnancy-test") {
			t.Errorf("a line of the log holds address and path: %s", line)
		}
	}
}
