package sieve

import (
	"fmt"
	"strings"
	"testing"

	coreruleset "github.com/corazawaf/coraza-coreruleset/v4"

	"github.com/theriac-edge/theriac/sieve"
	"github.com/theriac-edge/theriac/sieve/seclang"
)

const browser = "Host: www.loewen-apotheke.example\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0\r\n" +
	"Accept: text/html,application/xhtml+xml;q=0.9,*/*;q=0.8\r\nAccept-Language: de,en;q=0.5\r\nReferer: https://www.loewen-apotheke.example/\r\n"

// wire are the requests of the benchmarks, with so many fields and lines.
func wire(fields, lines int) map[string]string {
	var form, cart strings.Builder
	for i := range fields {
		fmt.Fprintf(&form, "&feld%d=%s", i, "Bitte+nachmittags+liefern+an+Frau+M%C3%BCller%2C+Stra%C3%9Fe+4")
	}
	for i := range lines {
		fmt.Fprintf(&cart, `,{"pzn":"%08d","name":"Ibuprofen 400 mg Tabletten für Erwachsene","menge":%d,"preis":"%d,95"}`, 1234500+i, i%5+1, i)
	}
	post := func(kind, body string) string {
		return fmt.Sprintf("POST /checkout HTTP/1.1\r\n%sContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s", browser, kind, len(body), body)
	}
	attacks := [...]string{"select+sleep(5)+union", "%27+or+1=1+--", "%3Cscript%3Ealert(1)", ";cat+/etc/passwd", "$(id)", "../../etc/passwd", "{{7*7}}", "plain"}
	var attack strings.Builder
	for i := range 6 * fields {
		fmt.Fprintf(&attack, "&a%d=%s", i, attacks[i%len(attacks)])
	}
	return map[string]string{
		"attack": post("application/x-www-form-urlencoded", attack.String()[1:]),
		"get":    "GET / HTTP/1.1\r\n" + browser + "\r\n",
		"args":   "GET /search?q=Ibuprofen+400&sort=preis&page=2&filter%5Bhersteller%5D=ratiopharm&order=asc HTTP/1.1\r\n" + browser + "Cookie: session-=0123456789abcdef; consent=1\r\n\r\n",
		"form":   post("application/x-www-form-urlencoded", form.String()[1:]),
		"cart":   post("application/json", `{"items":[`+cart.String()[1:]+`]}`),
	}
}

// BenchmarkOpen is the proof for one request, and beside it what Coraza takes for all rules.
func BenchmarkOpen(b *testing.B) {
	p := pairOf(b).at(b, 1)
	for _, name := range []string{"get", "args", "form", "cart", "attack"} {
		s := read(name, []byte(wire(43, 40)[name]))
		if s == nil || s.wrong != nil {
			b.Fatal(name, s)
		}
		request := p.request(s.Request, s.table)
		b.Run(name+"/sieve", func(b *testing.B) {
			b.ReportAllocs()
			var open []sieve.RuleID
			for b.Loop() {
				if open = p.sieve.Open(request, open[:0]); len(open) > 0 && name != "attack" {
					b.Fatal(open)
				}
			}
		})
		b.Run(name+"/coraza", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				tx := p.begin(s.Request, s.table)
				if fired := p.fired(tx); len(fired) > 0 && name != "attack" {
					b.Fatal(fired)
				}
				tx.Close()
			}
		})
	}
}

func BenchmarkCompile(b *testing.B) {
	text := ruleText(b)
	for b.Loop() {
		program, err := seclang.Read(coreruleset.FS, text)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := sieve.Compile(coreruleset.FS, program); err != nil {
			b.Fatal(err)
		}
	}
}
