package parser

import (
	"bytes"
	"encoding/xml"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// referenceXML reads a document as encoding/xml does, and puts texts that are in pieces
// together.
func referenceXML(body string) (lines []string, err error) {
	add := func(text string) {
		if text = strings.Trim(text, blanks); text != "" {
			lines = append(lines, text)
		}
	}
	type element struct {
		text   string
		pieces int
	}
	open := []*element{{}}
	for decoder := xml.NewDecoder(strings.NewReader(body)); ; {
		token, err := decoder.RawToken()
		if token == nil {
			return lines, err
		}
		inner := open[len(open)-1]
		switch token := token.(type) {
		case xml.StartElement:
			open = append(open, &element{})
			for _, a := range token.Attr {
				name := strings.TrimPrefix(a.Name.Space+":"+a.Name.Local, ":")
				lines = append(lines, name+"="+a.Value)
			}
		case xml.EndElement:
			if inner.pieces > 1 {
				add(inner.text)
			}
			open = open[:max(1, len(open)-1)]
		case xml.CharData:
			add(string(token))
			inner.text += string(token)
			if strings.Trim(string(token), blanks) != "" {
				inner.pieces++
			}
		case xml.Comment:
			add(string(token))
		case xml.ProcInst:
			if token.Target != "xml" {
				lines = append(lines, "<?"+token.Target+" "+string(token.Inst)+"?>")
			}
		case xml.Directive:
			add(strings.TrimPrefix(string(token), "DOCTYPE"))
		}
	}
}

// spaced writes blanks in one way: encoding/xml keeps those of attributes as they are,
// drops those behind the target of an instruction and those in front of its end.
func spaced(lines []string) (all []string) {
	for _, line := range lines {
		if strings.HasPrefix(line, "<?") {
			line = strings.Join(strings.FieldsFunc(line, func(char rune) bool { return strings.ContainsRune(blanks+"?", char) }), "")
		}
		all = append(all, strings.NewReplacer("\n", " ", "\t", " ", "\r", " ").Replace(line))
	}
	return all
}

// FuzzXML compares with encoding/xml, which accepts more: what both accept, both read
// alike. Names beyond ASCII are of a later edition of XML than it knows.
func FuzzXML(f *testing.F) {
	for _, seed := range []string{
		`<?xml version="1.0" encoding="utf-8"?><!DOCTYPE a SYSTEM "b"><a b="c&lt;" d='&#x61;'>un<!-- x -->ion<![CDATA[<y>]]><?p q?><z/></a>`,
		"<a>\r\n<b>x</b> <c d = '\t'>y</c></a>", "<a>&amp;&#38;&#10;]]&gt;</a>", "<x:a xmlns:x='u' x:b=''/>", "<a><b>c</b>d<b>e</b>f</a>", "<a>]]></a>", "<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		readXML := func(table *Table, body []byte) *Error { return table.readXML(body, "") }
		isBounded(t, body, readXML)
		table := Table{limits: roomy}
		err := table.readXML(body, "")
		body = bytes.TrimPrefix(body, bom)
		if err != nil || xmlDeclaration.Match(body) && bytes.Contains(body, []byte("encoding")) {
			return
		}
		var got []string
		for _, v := range table.Values {
			line := v.Text
			if v.Source == XMLAttribute {
				line = v.Name + "=" + v.Text
			}
			got = append(got, line)
		}
		want, broken := referenceXML(string(body))
		if isASCII(body) && broken != nil && broken.Error() != "EOF" {
			t.Fatalf("%q is read as %q, but: %v", body, got, broken)
		}
		if broken.Error() == "EOF" && !slices.Equal(spaced(got), spaced(want)) {
			t.Errorf("%q:\n got %q\nwant %q", body, spaced(got), spaced(want))
		}
		for _, line := range got {
			if !utf8.ValidString(line) {
				t.Errorf("%q has %q", body, line)
			}
		}
	})
}

// stock is a list of 4 KB.
var stock = `<?xml version="1.0" encoding="UTF-8"?>` + "\n<bestand xmlns=\"http://shop.example/stock\" datum=\"2026-11-30\">\n" +
	strings.Repeat("\t<artikel pzn=\"04114918\">\n\t\t<bezeichnung>Salbe für Kinder &amp; Erwachsene</bezeichnung>\n\t\t<preis waehrung=\"EUR\">9,95</preis>\n\t\t<menge>42</menge>\n\t</artikel>\n", 25) + "</bestand>\n"

func BenchmarkXML(b *testing.B) {
	body := []byte(stock)
	table := Table{limits: roomy}
	if err := table.readXML(body, "utf-8"); err != nil {
		b.Fatal(err)
	}
	b.Logf("%d bytes, %d values", len(body), len(table.Values))
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		table := Table{limits: roomy, Values: make([]Value, 0, 32)}
		_ = table.readXML(body, "utf-8")
	}
}
