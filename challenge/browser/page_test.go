package browser

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"io"
	"regexp"
	"strings"
	"testing"

	"github.com/theriac-edge/theriac/webpage"
)

var loewen = webpage.Shop{Name: `Löwen & <Apotheke>`, Phone: "+49 69 90009147", Imprint: "/impressum"}

var visitor = Values{
	Token:     "EQEgLAIAAABrBCs4IQEIDxYdJCsyOUBHASNFZ4mrze_sCI1hSdL7Y09zJXY",
	Reference: "efr3-yz60", Wait: "/.theriac/wait?t=abc&to=%2Fcart", Delay: 5,
}

// hostile values must not change a page.
var hostile = Values{
	Token:     `"><script>alert(1)</script>`,
	Reference: "\x00</code>'&amp;<img src=x>",
	Wait:      `/"><script>alert(1)</script>`,
	Form:      `"><script>alert(1)</script>`,
	Delay:     -1,
}

func TestPageIsSmall(t *testing.T) {
	const most = 6656
	for i := range webpage.Languages {
		got := NewPage(loewen, i).AppendGzip(nil, &visitor)
		t.Logf("%s: %d bytes", webpage.LabelsOf(i).Language, len(got))
		if len(got) > most {
			t.Errorf("the page in %s has %d bytes, more than %d", webpage.LabelsOf(i).Language, len(got), most)
		}
	}
}

func TestGzipHoldsTheSame(t *testing.T) {
	long := strings.Repeat("'", webpage.MaxValue)
	for i := range webpage.Languages {
		page := NewPage(loewen, i)
		for _, v := range []Values{{}, visitor, hostile, {Token: long, Reference: long + long, Wait: "/" + long[1:]}, {Wait: "/" + long}} {
			before := []byte("what was there")
			stream := page.AppendGzip(before, &v)
			r, err := gzip.NewReader(bytes.NewReader(stream[len(before):]))
			if err != nil {
				t.Fatal(err)
			}
			r.Multistream(false)
			got, err := io.ReadAll(r)
			if err != nil {
				t.Fatalf("%s: %v", webpage.LabelsOf(i).Language, err)
			}
			if want := page.Append(nil, &v); !bytes.Equal(got, want) {
				t.Errorf("%s: gzip holds %q, want %q", webpage.LabelsOf(i).Language, got, want)
			}
			if size := binary.LittleEndian.Uint32(stream[len(stream)-4:]); int(size) != len(got) {
				t.Errorf("%s: the stream ends with the size %d, want %d", webpage.LabelsOf(i).Language, size, len(got))
			}
		}
	}
}

func TestPageHasWhatDiffers(t *testing.T) {
	page := NewPage(loewen, 0)
	got := string(page.Append(nil, &visitor))
	for _, want := range []string{
		`<html lang="de" dir="ltr">`, `data-token="EQEgLAIAAABr`, `>efr3-yz60</code>`, `content="5;url=/.theriac/wait?t=abc&amp;to=%2Fcart"`,
		`href="/.theriac/wait?t=abc&amp;to=%2Fcart"`, german.Later, `href="tel:&#43;496990009147"`, `href="/impressum"`,
		`Löwen &amp; &lt;Apotheke&gt;`, `<meta name="robots" content="noindex">`, `role="status"`, "</html>",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("the page lacks %s:\n%s", want, got)
		}
	}
	for name, wait := range map[string]string{
		"nothing":           "",
		"a script":          "javascript:alert(1)",
		"another host":      "//shop.example/",
		"the same, hidden":  "/\t/shop.example/",
		"the same, slanted": `/\shop.example/`,
		"a new line":        "/\r\n",
		"a novel":           "/" + strings.Repeat("x", webpage.MaxValue),
	} {
		got := string(page.Append(nil, &Values{Wait: wait, Delay: 5}))
		if strings.Contains(got, "refresh") || !strings.Contains(got, german.Never) || wait != "" && strings.Contains(got, wait) {
			t.Errorf("%s: the page goes to %q", name, wait)
		}
	}
}

func TestPageEscapes(t *testing.T) {
	evil := webpage.Shop{Name: "</title><script>alert(1)</script>[[token]]\uE000\uE002", Phone: `"><b>`, Imprint: "javascript:alert(1)"}
	for i := range webpage.Languages {
		for name, got := range map[string]string{
			"page":    string(NewPage(evil, i).Append(nil, &hostile)),
			"blocked": string(CookiesPage(evil, i)),
			"sent":    string(ResendPage(evil, i)),
		} {
			for _, never := range []string{"alert(1)</script>", "javascript:", "<img", "<b>", "\x00", "\uE000", "\uE002", "http:", "https:"} {
				if strings.Contains(got, never) {
					t.Errorf("%s in %s has %q", name, webpage.LabelsOf(i).Language, never)
				}
			}
			if n := strings.Count(got, hostileToken); name == "page" && n != 1 {
				t.Errorf("%s in %s has the token %d times, want once", name, webpage.LabelsOf(i).Language, n)
			}
		}
	}
}

const hostileToken = `data-token="&#34;&gt;&lt;script&gt;alert(1)&lt;/script&gt;"`

func TestNotices(t *testing.T) {
	for i, text := range texts {
		labels := webpage.LabelsOf(i)
		for name, step := range map[string]struct {
			page  []byte
			wants []string
		}{
			"blocked": {CookiesPage(loewen, i), []string{text.Cookies, text.CookiesWhy, text.CookiesHow}},
			"sent":    {ResendPage(loewen, i), []string{text.Resend, text.ResendWhy, text.ResendHow}},
		} {
			wants := append(step.wants, `lang="`+labels.Language+`" dir="`+labels.Direction+`"`, `href="tel:`, `href="/impressum"`, "Löwen &amp;", "</html>")
			for _, want := range wants {
				if !bytes.Contains(step.page, []byte(want)) {
					t.Errorf("%s in %s lacks %s", name, labels.Language, want)
				}
			}
			for _, never := range []string{"<script", "refresh", "token", `id="reference"`} {
				if bytes.Contains(step.page, []byte(never)) {
					t.Errorf("%s in %s has %s", name, labels.Language, never)
				}
			}
		}
	}
}

// Filling costs copies and a checksum.
func TestFillingAllocatesNothing(t *testing.T) {
	page, room := NewPage(loewen, 0), make([]byte, 0, 64<<10)
	for name, fill := range map[string]func([]byte, *Values) []byte{"Append": page.Append, "AppendGzip": page.AppendGzip} {
		if got := testing.AllocsPerRun(100, func() { fill(room, &visitor) }); got != 0 {
			t.Errorf("%s allocates %v times, want 0", name, got)
		}
	}
}

func BenchmarkPage(b *testing.B) {
	page, room := NewPage(loewen, 0), make([]byte, 0, 64<<10)
	for name, fill := range map[string]func([]byte, *Values) []byte{"plain": page.Append, "gzip": page.AppendGzip} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				fill(room, &visitor)
			}
		})
	}
}

// The policies allow the very script and style of the page, and no more.
func TestPolicies(t *testing.T) {
	page := NewPage(loewen, 0)
	html := page.Append(nil, &visitor)
	for what, policies := range map[string][]string{
		"script": {page.Policy()},
		"style":  {page.Policy(), NoticePolicy()},
	} {
		all := regexp.MustCompile(`(?s)<`+what+`>(.*?)</`+what+`>`).FindAllSubmatch(html, -1)
		if len(all) != 1 {
			t.Fatalf("the page has %d elements %s, want one", len(all), what)
		}
		for _, policy := range policies {
			want := what + "-src " + webpage.CSPHash(string(all[0][1]))
			if what == "script" {
				want += " " + webpage.CSPHash(submit)
			}
			if !strings.Contains(policy, want+";") {
				t.Errorf("policy %q lacks %q", policy, want)
			}
		}
	}
	for _, policy := range []string{page.Policy(), NoticePolicy()} {
		if !strings.HasPrefix(policy, "default-src 'none'; ") || !strings.HasSuffix(policy, "frame-ancestors *") || strings.Contains(policy, "unsafe") {
			t.Errorf("policy %q, want one that begins with nothing and ends with frame-ancestors", policy)
		}
	}
}
