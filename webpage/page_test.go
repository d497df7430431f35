package webpage

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"io"
	"strings"
	"testing"
)

var sample = Parse(`<p title="[[one]]">{{.Shop.Name}} {{.Dial}}</p>[[two]][[one]]{{define "other"}}[[two]]{{end}}`, "one", "two")

func render(s Shop) Page { return sample.Render("page", NewBase(0, s, "")) }

func TestPageHasTheValues(t *testing.T) {
	page := render(Shop{Name: "Löwen & Co", Phone: "+49 69 / 90009147"})
	for name, c := range map[string]struct {
		values []string
		want   string
	}{
		"values":          {[]string{"1", "2"}, `<p title="1">Löwen &amp; Co &#43;496990009147</p>21`},
		"no values":       {[]string{"", ""}, `<p title="">Löwen &amp; Co &#43;496990009147</p>`},
		"hostile values":  {[]string{`"><b>'`, "&\x00"}, `<p title="&#34;&gt;&lt;b&gt;&#39;">Löwen &amp; Co &#43;496990009147</p>&amp;` + "\uFFFD" + `&#34;&gt;&lt;b&gt;&#39;`},
		"a slot in there": {[]string{"\uE001", "2"}, "<p title=\"\uE001\">Löwen &amp; Co &#43;496990009147</p>2\uE001"},
	} {
		if got := string(page.Append(nil, c.values...)); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
	if got := string(sample.Render("other", nil).Append([]byte("> "), "1", "2")); got != "> 2" {
		t.Errorf("the other template: %q, want %q", got, "> 2")
	}
}

// A shop's name makes no slot, whatever stands in it.
func TestShopsHaveNoSlots(t *testing.T) {
	got := string(render(Shop{Name: "a\uE000b\uE001c\uE00F[[one]]"}).Append(nil, "1", "2"))
	if want := `<p title="1">abc[[one]] </p>21`; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestGzipHoldsTheSame(t *testing.T) {
	page, before := render(Shop{Name: strings.Repeat("Löwen ", 1000)}), []byte("what was there")
	for _, values := range [][]string{{"", ""}, {"1", "2"}, {strings.Repeat("'", MaxValue), strings.Repeat("&", 3*MaxValue)}} {
		stream := page.AppendGzip(before, values...)
		r, err := gzip.NewReader(bytes.NewReader(stream[len(before):]))
		if err != nil {
			t.Fatal(err)
		}
		r.Multistream(false)
		got, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		if want := page.Append(nil, values...); !bytes.Equal(got, want) {
			t.Errorf("gzip holds %q, want %q", got, want)
		}
		if size := binary.LittleEndian.Uint32(stream[len(stream)-4:]); int(size) != len(got) {
			t.Errorf("the stream ends with the size %d, want %d", size, len(got))
		}
	}
}

func TestCSPHash(t *testing.T) {
	// The example of CSP3, section 8.3.
	if got, want := CSPHash("alert('Hello, world.');"), "'sha256-qznLcsROx4GACP2dm0UCKCzCG+HiZ1guq6ZZDob/Tng='"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
