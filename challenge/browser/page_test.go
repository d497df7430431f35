package browser

import (
	"bytes"
	"compress/gzip"
	"io"
	"testing"
)

var loewen = Shop{Name: `Löwen & <Apotheke>`, Phone: "+49 69 90009147", Imprint: "/impressum"}

var visitor = Values{
	Token:     "AQEgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
	Reference: "efr3-yz60", Wait: "/.theriac/wait?t=abc&to=%2Fcart", Delay: 5,
}

// The first answer fits into what a server may send before it is confirmed, and
// with room to spare.
func TestPageIsSmall(t *testing.T) {
	const most = 6 << 10
	for i := range Languages {
		page := NewPage(loewen, i)
		got := page.AppendGzip(nil, &visitor)
		t.Logf("%s: %d bytes, %d without gzip", texts[i].Language, len(got), len(page.Append(nil, &visitor)))
		if len(got) > most {
			t.Errorf("the page in %s has %d bytes, more than %d", texts[i].Language, len(got), most)
		}
	}
}

func TestGzipHoldsTheSame(t *testing.T) {
	for i := range Languages {
		page := NewPage(loewen, i)
		for _, v := range []Values{{}, visitor, {Token: "<", Wait: "/" + string(bytes.Repeat([]byte("'"), 5000)), Delay: -1}} {
			r, err := gzip.NewReader(bytes.NewReader(page.AppendGzip(nil, &v)))
			if err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(r)
			if err != nil {
				t.Fatalf("%s: %v", texts[i].Language, err)
			}
			if want := page.Append(nil, &v); !bytes.Equal(got, want) {
				t.Errorf("%s: gzip holds %q, want %q", texts[i].Language, got, want)
			}
		}
	}
}
