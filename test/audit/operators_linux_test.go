package audit

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/audit"
	"github.com/theriac-edge/theriac/test/edge"
	"github.com/theriac-edge/theriac/test/kit"
	"github.com/theriac-edge/theriac/test/need"
)

// command runs theriac as a user, such as nobody.
func command(t *testing.T, user string, args ...string) {
	t.Helper()
	if said, err := tried(t, user, args...); err != nil {
		t.Fatalf("%s %v: %v: %s", user, args, err, said)
	}
}

// tried is command for what may fail. The binary is in a folder that is root's alone,
// so its file is handed over open.
func tried(t *testing.T, user string, args ...string) (said string, err error) {
	t.Helper()
	binary, err := os.Open(need.Command(t, "theriac"))
	if err != nil {
		t.Fatal(err)
	}
	defer binary.Close()
	cmd := exec.Command(need.Setpriv(t), append([]string{"--reuid", user, "--clear-groups", "/proc/self/fd/3"}, args...)...)
	cmd.ExtraFiles, cmd.Env, cmd.Dir = []*os.File{binary}, []string{"HOME=/nonexistent"}, "/"
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// lines returns the audit lines in an edge's log.
func lines(t *testing.T, e *edge.Edge) (acts []map[string]any) {
	t.Helper()
	for line := range strings.Lines(e.Log()) {
		if !strings.Contains(line, audit.Message) {
			continue
		}
		var fields map[string]any
		if err := json.Unmarshal([]byte(line), &fields); err != nil {
			t.Fatalf("%v in %s", err, line)
		}
		acts = append(acts, fields)
	}
	return acts
}

// said is an audit line, without its times.
func said(fields map[string]any) string {
	words := []string{fmt.Sprint(fields["level"]), fmt.Sprint(fields["logger"])}
	for _, key := range []string{"act", "who", "shop", "what", "why"} {
		if value, ok := fields[key]; ok {
			words = append(words, fmt.Sprint(key, "=", value))
		}
	}
	if _, ends := fields["until"]; ends {
		words = append(words, "until")
	}
	return strings.Join(words, " ")
}

const site = "shield loewen\nshop_backend 127.0.0.1:1"

// TestOperatorsAreNamed: two users act over either kind of admin address.
func TestOperatorsAreNamed(t *testing.T) {
	need.Root(t)
	need.Loopback(t)
	socket := "unix/" + filepath.Join(need.OpenDir(t), "admin.sock")
	for about, admin := range map[string]string{"TCP": "", "a unix socket": socket} {
		t.Run(about, func(t *testing.T) {
			global := kit.Global("node fra-1")
			if admin != "" {
				global = strings.Replace(global, "{$ADMIN}", admin+"|0666", 1)
			}
			e := edge.Start(t, global+kit.Site(kit.AnyHost, site))
			address := admin
			if address == "" {
				address = e.Admin
			}
			config := filepath.Join(need.OpenDir(t), "Caddyfile")
			changed := strings.NewReplacer("{$ADMIN}", e.Admin, "{$PORT}", kit.PortOf(e.Addr), "{$ADDR}", e.Addr).Replace(global + kit.Site(kit.AnyHost, site+"\nheader X-New 1"))
			if err := os.WriteFile(config, []byte(changed), 0o644); err != nil {
				t.Fatal(err)
			}
			shield := func(user string, args ...string) {
				t.Helper()
				command(t, user, append(append([]string{"shield"}, args...), "--address", address)...)
			}
			shield("root", "ban", "192.0.2.7", "--for", "30m", "--why", "reads all", "--shop", "loewen")
			shield("nobody", "level", "loewen", "2", "--why", "ticket 4711")
			shield("nobody", "unban", "192.0.2.7")
			for range 2 { // the second changes nothing
				command(t, "nobody", "reload", "--config", config, "--adapter", "caddyfile", "--address", address)
			}
			from := time.Now().Add(time.Hour)
			shield("root", "expect", "loewen", "3x", "--from", from.Format("2006-01-02T15:04"), "--to", from.Add(time.Hour).Format("2006-01-02T15:04"))
			if out, err := edge.Run(t, "shield", "status", "--json", "--address", address); err != nil || !strings.Contains(out, `"factor":3,"who":"root"`) {
				t.Errorf("status does not name the operator that announces a peak: %v, %s", err, out)
			}
			shield("nobody", "expect", "loewen", "none")
			if said, err := tried(t, "root", "shield", "level", "eulen", "2", "--address", address); err == nil || !strings.Contains(said, `unknown shop "eulen"`) {
				t.Errorf("the level of an unknown shop: %v, %s", err, said)
			}
			shield("root", "level", "loewen", "auto", "--why", "over")
			want := []string{
				"info shield act=ban who=root shop=loewen what=192.0.2.7 why=reads all until",
				"info shield act=level who=nobody shop=loewen what=2 attack why=ticket 4711 until",
				"info shield act=unban who=nobody what=192.0.2.7",
				"info shield act=reload who=nobody",
				"info shield act=expect who=root shop=loewen what=3x from " + from.Format("2006-01-02 15:04 MST") + " until",
				"info shield act=expect who=nobody shop=loewen what=none",
				"info shield act=level who=root shop=loewen what=auto why=over",
			}
			var got []string
			kit.Eventually(t, 10*time.Second, "all acts are logged", func() bool { return len(lines(t, e)) >= len(want) })
			for _, fields := range lines(t, e) {
				got = append(got, said(fields))
			}
			if strings.Join(got, "\n") != strings.Join(want, "\n") {
				t.Errorf("logged\n\t%s\nwant\n\t%s", strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
			}
			out, err := edge.Run(t, "shield", "status", "--json", "--address", address)
			var status struct{ Acts []audit.Act }
			if err == nil {
				err = json.Unmarshal([]byte(out), &status)
			}
			if err != nil || len(status.Acts) != len(want) || status.Acts[0].Why != "over" || status.Acts[0].Node != "fra-1" ||
				time.Until(status.Acts[6].Until) < 25*time.Minute || time.Since(status.Acts[6].At) > time.Minute {
				t.Errorf("status: %v, %s", err, out)
			}
		})
	}
}

// TestOperatorsCannotBeForged: what a client says of itself is not believed, and a
// client that has gone is nobody, not root.
func TestOperatorsCannotBeForged(t *testing.T) {
	need.Root(t)
	need.Loopback(t)
	e := edge.Start(t, kit.Global("")+kit.Site(kit.AnyHost, site))
	body := `{"shop": "loewen", "level": 1, "who": "alice", "login": "alice"}`
	request := fmt.Sprintf("POST /shield/level HTTP/1.1\r\nHost: %s\r\nX-Forwarded-User: alice\r\nAuthorization: Basic YWxpY2U6eA==\r\nContent-Length: %d\r\n\r\n%s", e.Admin, len(body), body)
	for _, stays := range []bool{true, false} {
		conn, err := net.Dial("tcp", e.Admin)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(conn, request[:len(request)-1]); err != nil {
			t.Fatal(err)
		}
		if stays {
			if _, err := io.WriteString(conn, request[len(request)-1:]); err != nil {
				t.Fatal(err)
			}
			if _, err := conn.Read(make([]byte, 1)); err != nil {
				t.Fatal(err)
			}
		} else {
			// The end of the request and of the connection arrive together.
			if err := syscall.Kill(e.PID, syscall.SIGSTOP); err != nil {
				t.Fatal(err)
			}
			if _, err := io.WriteString(conn, request[len(request)-1:]); err != nil {
				t.Fatal(err)
			}
		}
		conn.Close()
	}
	if err := syscall.Kill(e.PID, syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	kit.Eventually(t, 10*time.Second, "two acts", func() bool { return len(lines(t, e)) == 2 })
	for i, want := range []string{"root", "unknown"} {
		if got := lines(t, e)[i]["who"]; got != want {
			t.Errorf("act %d: by %q, want %q", i+1, got, want)
		}
	}
	if strings.Contains(said(lines(t, e)[0])+said(lines(t, e)[1]), "alice") {
		t.Error("the log believes what the client said")
	}
}

// TestOnlyTheAskedEdgeRecords, and only what was carried out.
func TestOnlyTheAskedEdgeRecords(t *testing.T) {
	need.Loopback(t)
	redis := need.Redis(t)
	var edges []*edge.Edge
	for _, node := range []string{"fra-1", "fra-2"} {
		edges = append(edges, edge.Start(t, kit.Global("node "+node+"\nsecret "+kit.Secret+"\nredis redis://"+redis.Addr)+kit.Site(kit.AnyHost, site)))
	}
	kit.Eventually(t, 20*time.Second, "a tier of two", func() bool {
		var status kit.Status
		edges[0].Get(t, "/shield/status", &status)
		return status.Store.Shared && len(status.Store.Nodes) == 2
	})
	if said, err := kit.Shield(t, edges[0], "level", "loewen", "2"); err != nil {
		t.Fatal(said)
	}
	for _, args := range [][]string{
		{"level", "mond", "2"},
		{"level", "loewen", "2", "--for", "31d"},
		{"level", "loewen", "auto", "--for", "1h"},
		{"level", "loewen", "0", "--at-least"},
		{"expect", "mond", "none"},
		{"expect", "loewen", "3x"},
		{"expect", "loewen", "3x", "--to", "tomorrow"},
		{"expect", "loewen", "3x", "--to", "2020-01-01T08:00"},
		{"expect", "loewen", "1", "--to", "2099-01-01T08:00"},
		{"level", "loewen", "2", "--why", "two\nlines"},
		{"ban", "192.0.2.0/20"},
		{"ban", "192.0.2.7", "--why", "\x1b[2J"},
		{"unban", "192.0.2.7", "--why", strings.Repeat("x", 65)},
	} {
		if said, err := kit.Shield(t, edges[0], args...); err == nil {
			t.Errorf("%q: %s", args, said)
		}
	}
	for _, e := range edges {
		kit.Eventually(t, 10*time.Second, "the level at both edges", func() bool { return strings.Contains(e.Log(), "the shop's level has changed") })
	}
	for i, want := range []int{1, 0} {
		if got := lines(t, edges[i]); len(got) != want {
			t.Errorf("edge %d has %d audit lines, want %d: %v", i+1, len(got), want, got)
		}
	}
}

// TestOtherWaysToReload: a change below /config/ cannot be traced, and is recorded;
// a configuration without a shield is, too.
func TestOtherWaysToReload(t *testing.T) {
	need.Loopback(t)
	e := edge.Start(t, kit.Global("node fra-1")+kit.Site(kit.AnyHost, site))
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPatch, "http://"+e.Admin+"/config/apps/shield/node", strings.NewReader(`"fra-2"`))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		t.Fatalf("PATCH: %s", response.Status)
	}
	e.Reload(t, "{\n\tadmin {$ADMIN}\n\tauto_https off\n}\nhttp://"+kit.AnyHost+" {\n\trespond ok\n}\n")
	kit.Eventually(t, 10*time.Second, "both acts are logged", func() bool { return len(lines(t, e)) == 2 })
	got := lines(t, e)
	if got[0]["who"] != audit.Unknown || got[0]["node"] != "fra-2" || got[1]["what"] != "no shop is behind a shield any more" {
		t.Errorf("logged %v", got)
	}
}

// TestRefusedUsersReadWhatToTry: the user may not write to the socket, or Caddy wants
// an Origin that no command sends there.
func TestRefusedUsersReadWhatToTry(t *testing.T) {
	need.Root(t)
	need.Loopback(t)
	for _, c := range []struct{ mode, more, user, want string }{
		{"0600", "", "nobody", "try: sudo, or join the group of the socket"},
		{"0666", "enforce_origin", "root", "on a unix socket, remove enforce_origin"},
		{"0666", "", "nobody", ""}, // the control
	} {
		socket := "unix/" + filepath.Join(need.OpenDir(t), "admin.sock")
		global := strings.Replace(kit.Global(""), "{$ADMIN}", socket+"|"+c.mode+" {\n\t\t"+c.more+"\n\t}", 1)
		edge.Start(t, global+kit.Site(kit.AnyHost, site))
		said, err := tried(t, c.user, "shield", "level", "loewen", "1", "--address", socket)
		if (err == nil) != (c.want == "") || !strings.Contains(said, c.want) {
			t.Errorf("mode %s, %q, %s: %v: %s, want %q", c.mode, c.more, c.user, err, said, c.want)
		}
	}
}
