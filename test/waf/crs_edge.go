// Package waf proves from outside what the firewall refuses, the Core Rule Set's
// own suite included, that it changes nothing else, and what it costs.
package waf

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/test/edge"
	"github.com/theriac-edge/theriac/test/kit"
	"github.com/theriac-edge/theriac/test/need"
)

// crsRules are the rules of the shop under test: the settings that upstream
// runs the suite with, and Coraza's own audit log, by which the shop tells
// which rules fired. The settings hang on the first rule of all: a shop's own
// come after the Core Rule Set.
const crsRules = `
SecRuleEngine DetectionOnly
SecRuleUpdateActionById 900990 "setvar:tx.crs_validate_utf8_encoding=1,setvar:tx.arg_name_length=100,setvar:tx.arg_length=400,setvar:tx.total_arg_length=64000,setvar:tx.max_file_size=64100,setvar:tx.combined_file_sizes=65535"
SecAction "id:100,phase:1,nolog,pass,setvar:tx.max_num_args=255"
SecRuleUpdateActionById 200002-200003 "auditlog"
SecRuleUpdateActionById 911000-948999 "auditlog"
SecRuleUpdateActionById 949110-949111 "auditlog"
SecRuleUpdateActionById 950000-958999 "auditlog"
SecRuleUpdateActionById 959100-959101 "auditlog"
SecRuleUpdateActionById 980170 "auditlog"
SecAuditEngine On
SecAuditLogType Serial
SecAuditLogFormat JSON
SecAuditLogParts AHZ
SecAuditLog %s
`

// crsEdge is an edge with two shops that refuse nothing and log all: one
// without the preset's exclusions, and one with them.
type crsEdge struct {
	*edge.Edge
	log   string          // the file
	doors map[int]crsDoor // by run
	tls   string          // the address that speaks HTTP/2
	cert  *kit.Authority
}

// crsDoor is where a run sends its requests.
type crsDoor struct{ addr, odd string } // odd takes X_Filename and X.Filename

// startCRS starts the edge. Caddy drops names such as X_Filename, since PHP
// takes them for X-Filename; a shop that wants them loses the other spelling.
func startCRS(t *testing.T) *crsEdge {
	t.Helper()
	need.Loopback(t)
	bare, preset := crsDoor{odd: need.Addr(t)}, crsDoor{need.Addr(t), need.Addr(t)}
	e := &crsEdge{tls: need.Addr(t), cert: &kit.Authority{Dir: t.TempDir()}}
	e.cert.Sign(t, "authority")
	e.cert.Sign(t, "crs.localhost")
	dir := t.TempDir()
	e.log = filepath.Join(dir, "audit.log")
	rules := filepath.Join(dir, "rules.conf")
	if err := os.WriteFile(rules, fmt.Appendf(nil, crsRules, e.log), 0o600); err != nil {
		t.Fatal(err)
	}
	shop := func(name, words string) string {
		return "shop_visit " + name + "\nshop_waf " + name + ` {
	waf shadow {
		paranoia 4
		methods GET HEAD POST OPTIONS
		types application/x-www-form-urlencoded multipart/form-data text/xml application/xml application/soap+xml application/json
		arguments 100000
		cookies 100000
		parts 100000
		text 10MiB
		depth 60
		time 1h
		rules ` + rules + `
		responses
		` + words + `
	}
}
shop_backend ` + reflector(t)
	}
	var options strings.Builder
	for _, odd := range []string{bare.odd, preset.odd} {
		options.WriteString("\tservers " + odd + " {\n\t\texpected_underscore_headers X_Filename\n\t\texpected_dot_headers X.Filename\n\t}\n")
	}
	off, on := shop("bare", "preset off"), shop("preset", "")
	certificate := "tls " + filepath.Join(e.cert.Dir, "crs.localhost.pem") + " " + filepath.Join(e.cert.Dir, "crs.localhost.key") + "\n"
	e.Edge = edge.Start(t, strings.Replace(kit.Global(""), "\tmetrics\n", "\tmetrics\n"+options.String(), 1)+
		kit.Site(kit.AnyHost, off)+kit.Site(":"+kit.PortOf(bare.odd), off)+kit.Site(":"+kit.PortOf(preset.addr), on)+kit.Site(":"+kit.PortOf(preset.odd), on)+
		"https://:"+kit.PortOf(e.tls)+" {\n"+kit.Indent(certificate+off, 1)+"}\n")
	bare.addr = e.Addr
	e.doors = map[int]crsDoor{http1: bare, withPreset: preset}
	return e
}

// reflector answers POST /reflect with what the request describes, as the
// backend does that the suite is written for.
func reflector(t testing.TB) (addr string) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		if r.URL.Path != "/reflect" {
			_, _ = w.Write([]byte("Hello!"))
			return
		}
		var answer struct {
			Status      int               `json:"status"`
			Headers     map[string]string `json:"headers"`
			Body        string            `json:"body"`
			EncodedBody string            `json:"encodedBody"`
		}
		if err := json.NewDecoder(r.Body).Decode(&answer); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		for name, value := range answer.Headers {
			w.Header().Set(name, value)
		}
		body := []byte(answer.Body)
		if len(body) == 0 {
			body, _ = base64.StdEncoding.DecodeString(answer.EncodedBody)
		}
		w.WriteHeader(max(answer.Status, 200))
		_, _ = w.Write(body)
	}))
	t.Cleanup(server.Close)
	return server.Listener.Addr().String()
}

// fired is what one request set off: the rules, and what Coraza says of them.
type fired struct {
	rules []int
	lines string
}

// ruleID is where a line of Coraza's log names the rule.
var ruleID = regexp.MustCompile(`\[id "(\d+)"\]`)

// fired reads the log once no request is under way any more: by the client's
// address, since each test has one of its own.
func (e *crsEdge) fired(t testing.TB) map[string]fired {
	t.Helper()
	kit.Eventually(t, 30*time.Second, "no request is in flight", func() bool { return e.inFlight(t) == 0 })
	file, err := os.Open(e.log)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	all := make(map[string]fired)
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var record struct {
			Transaction struct {
				Client string `json:"client_ip"`
			} `json:"transaction"`
			Messages []struct {
				Line string `json:"error_message"`
			} `json:"messages"`
		}
		if err := json.Unmarshal(lines.Bytes(), &record); err != nil {
			t.Fatalf("reading the audit log: %v", err)
		}
		of := all[record.Transaction.Client]
		for _, message := range record.Messages {
			if parts := ruleID.FindStringSubmatch(message.Line); parts != nil {
				id, _ := strconv.Atoi(parts[1]) // digits
				of.rules = append(of.rules, id)
				of.lines += message.Line + "\n"
			}
		}
		slices.Sort(of.rules)
		of.rules = slices.Compact(of.rules)
		all[record.Transaction.Client] = of
	}
	if err := lines.Err(); err != nil {
		t.Fatalf("reading the audit log: %v", err)
	}
	return all
}

// inFlight is how many requests the edge is working on.
func (e *crsEdge) inFlight(t testing.TB) (n int) {
	t.Helper()
	for line := range strings.Lines(e.Metrics(t)) {
		if strings.HasPrefix(line, "caddy_http_requests_in_flight{") {
			value, _ := strconv.Atoi(strings.TrimSpace(line[strings.LastIndexByte(line, ' '):]))
			n += value
		}
	}
	return n
}
