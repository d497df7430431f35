package parser

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// roomy are limits that no document here exceeds.
var roomy = Limits{Arguments: 1 << 20, Depth: 1000, Text: 1 << 30}

// lines shows the values of a table, one a line, and the error.
func (t *Table) lines(err *Error) []string {
	lines := []string{}
	for _, v := range t.Values {
		lines = append(lines, strings.TrimPrefix(v.Name+"="+v.Text, "="))
	}
	if err != nil {
		lines = append(lines, "refused: "+string(err.Reason))
	}
	return lines
}

func TestJSON(t *testing.T) {
	for name, c := range map[string]struct {
		body string
		want []string
	}{
		"a cart": {
			`{"items":[{"pzn":"04114918","qty":2,"price":6.97,"rx":false},{"pzn":"01580241","note":null}],"total":16.92}`,
			[]string{"json.items.0.pzn=04114918", "json.items.0.qty=2", "json.items.0.price=6.97", "json.items.0.rx=false", "json.items.1.pzn=01580241", "json.items.1.note=", "json.total=16.92"},
		},
		"a byte order mark":        {"\xef\xbb\xbf{\"state\":\"shipped\",\"remark\":\"Nachbar Müller\"}", []string{"json.state=shipped", "json.remark=Nachbar Müller"}},
		"two byte order marks":     {"\xef\xbb\xbf\xef\xbb\xbf{}", []string{"refused: json"}},
		"no body":                  {"", nil},
		"blanks":                   {" \r\n\t", nil},
		"a string alone":           {`"' OR '1'='1"`, []string{"json=' OR '1'='1"}},
		"a number alone":           {" -12.50e+3 ", []string{"json=-12.50e+3"}},
		"true alone":               {"true", []string{"json=true"}},
		"null alone":               {"null", []string{"json="}},
		"an array alone":           {`["a",["b"],{"c":"d"}]`, []string{"json.0=a", "json.1.0=b", "json.2.c=d"}},
		"an empty object":          {"{}", []string{"json="}},
		"names without a value":    {`{"() { :;}; x":{},"$where":[ ],"a":[{},[]]}`, []string{"json.() { :;}; x=", "json.$where=", "json.a.0=", "json.a.1="}},
		"an empty name":            {`{"":{"":1}}`, []string{"json..=1"}},
		"a name twice":             {`{"id":"1","id":"1 OR 1=1","ID":"2"}`, []string{"json.id=1", "json.id=1 OR 1=1", "json.ID=2"}},
		"a name with a dot":        {`{"a.b":{"c":1},"a":{"b.c":2}}`, []string{"json.a.b.c=1", "json.a.b.c=2"}},
		"escapes in a value":       {`{"a":"\u0027\u003Cscript\u003e\/\t\n\r\f\b\"\\"}`, []string{"json.a='<script>/\t\n\r\f\b\"\\"}},
		"escapes in a name":        {`{"\u0024in\/\u0000":1}`, []string{"json.$in/\x00=1"}},
		"a surrogate pair":         {`"\ud83d\udc8a"`, []string{"json=💊"}},
		"halves of surrogates":     {`["\ud83d","\udc8a\ud83d","\ud83dx","\ud83d\n","\ud83d\u0041"]`, []string{"json.0=\ufffd", "json.1=\ufffd\ufffd", "json.2=\ufffdx", "json.3=\ufffd\n", "json.4=\ufffdA"}},
		"a half before a pair":     {`"\ud83d\ud83d\udc8a"`, []string{"json=\ufffd💊"}},
		"bytes that are not UTF-8": {"{\"\xe4\":\"\xc0\xae\"}", []string{"json.\xe4=\xc0\xae"}},
		"DEL":                      {"\"\x7f\"", []string{"json=\x7f"}},
		"numbers":                  {`[0,-0,10,0.0,1e5,1E-5,-1.5e+05,12345678901234567890]`, []string{"json.0=0", "json.1=-0", "json.2=10", "json.3=0.0", "json.4=1e5", "json.5=1E-5", "json.6=-1.5e+05", "json.7=12345678901234567890"}},
		"a PHP object":             {`{"order":"10023","note":"O:8:\"stdClass\":1:{s:1:\"a\";i:1;}"}`, []string{"json.order=10023", `json.note=O:8:"stdClass":1:{s:1:"a";i:1;}`}},
		"tabs for blanks":          {`{"order":"x'\tUNION\tALL"}`, []string{"json.order=x'\tUNION\tALL"}},
		"JSON-LD":                  {`{"patient":{"coverage":{"@id":"/api/coverages/7","@type":"Coverage"}}}`, []string{"json.patient.coverage.@id=/api/coverages/7", "json.patient.coverage.@type=Coverage"}},
		"what stands before fault": {`{"a":"<script>","b":}`, []string{"json.a=<script>", "refused: json"}},
		"a fault behind it":        {`{"a":1}}`, []string{"json.a=1", "refused: json"}},
		"two documents":            {`{"a":1} {"b":2}`, []string{"json.a=1", "refused: json"}},
	} {
		table := Table{limits: roomy}
		got := table.lines(table.readJSON([]byte(c.body)))
		if !slices.Equal(got, c.want) {
			t.Errorf("%s:\n got %q\nwant %q", name, got, c.want)
		}
	}
}

func TestBrokenJSON(t *testing.T) {
	for _, body := range []string{
		"{", "[", "}", "]", `"`, `"a`, `"a\`, `"a\"`, `{"a"`, `{"a":`, `{"a":1`, `{"a":1,`, "[1", "[1,",
		`{"a":1,}`, "[1,]", "[,1]", "{,}", "[1 2]", `{"a" 1}`, `{"a":1 "b":2}`, `{a:1}`, `{'a':1}`, "['a']", "{1:2}", "{null:1}",
		"// x\n{}", "{/* x */}", "{} // x", "# x\n{}", "NaN", "[Infinity]", "-Infinity", "undefined", "True", "nul", "nulll", "truefalse",
		"01", "-", "+1", ".5", "5.", "1e", "1e+", "0x10", "1_000", "--1", "1.2.3", "1e5.5", "٣",
		"\"a\nb\"", "\"a\x00b\"", "\"a\x1fb\"", `"\x41"`, `"\u12"`, `"\u12g4"`, `"\U0041"`, `"\'"`, `"\0"`, "\"\\\n\"",
		"{\"a\":1}\x00", "\x00{\"a\":1}", "{\x00\"a\":1}", "{\"a\":1\x0c}", "\u00a0{}", "{}\x1e",
		"\xff\xfe{\x00}\x00", "{\x00}\x00", "\x00{\x00}", "\x00\x00\x00{", "+AHsAfQ-", `{}"a"`, "1 2", `"a" "b"`, ")]}',\n{}",
	} {
		table := Table{limits: roomy}
		if err := table.readJSON([]byte(body)); err == nil || err.Reason != JSON {
			t.Errorf("%q is read as %q, want a refusal", body, table.lines(err))
		}
		if json.Valid([]byte(body)) {
			t.Errorf("%q is not broken", body)
		}
	}
}

func TestJSONLines(t *testing.T) {
	for name, c := range map[string]struct {
		body string
		want []string
	}{
		"a document a line": {"{\"a\":1}\n[\"b\"]\n", []string{"json.a=1", "json.0=b"}},
		"CRLF, blank lines": {"\xef\xbb\xbf\r\n{\"a\":1}\r\n\r\n  \r\n{\"a\":\"x\\u0027\"}", []string{"json.a=1", "json.a=x'"}},
		"json-seq":          {"\x1e{\"a\":\n1}\n\x1e2\n", []string{"json.a=1", "json=2"}},
		"one on two lines":  {"{\"a\":\n1}", []string{"refused: json"}},
		"two on a line":     {"{\"a\":1}{\"a\":2}\n", []string{"json.a=1", "refused: json"}},
		"a broken line":     {"{\"a\":1}\n{\"b\"\n{\"c\":3}", []string{"json.a=1", "refused: json"}},
		"nothing":           {"\n\n", nil},
	} {
		table := Table{limits: roomy}
		got := table.lines(table.readJSONLines([]byte(c.body)))
		if !slices.Equal(got, c.want) {
			t.Errorf("%s:\n got %q\nwant %q", name, got, c.want)
		}
	}
}

func TestJSONLimits(t *testing.T) {
	limits := Limits{Arguments: 10, Depth: 4, Text: 100}
	for name, c := range map[string]struct {
		body string
		want Reason
	}{
		"4 deep":             {"[[[[1]]]]", ""},
		"5 deep":             {`{"a":{"a":{"a":{"a":{"a":1}}}}}`, Depth},
		"deep and broken":    {strings.Repeat("[", 1<<20), Depth},
		"4 deep, again":      {"[[[[]]],[[[]]]]", ""},
		"10 values":          {"[" + strings.Repeat("1,", 9) + "1]", ""},
		"11 values":          {"[" + strings.Repeat("1,", 10) + "1]", Arguments},
		"11 empty arrays":    {"[" + strings.Repeat("[],", 10) + "[]]", Arguments},
		"100 bytes":          {`"` + strings.Repeat("x", 96) + `"`, ""},
		"101 bytes":          {`"` + strings.Repeat("x", 97) + `"`, Text},
		"a long name twice":  {`{"` + strings.Repeat("x", 50) + `":[1,2]}`, Text},
		"blanks do not tell": {strings.Repeat(" ", 1000) + "1", ""},
	} {
		table := Table{limits: limits}
		err := table.readJSON([]byte(c.body))
		if got := reasonOf(err); got != c.want {
			t.Errorf("%s: refused for %q, want %q", name, got, c.want)
		}
	}
}

// reasonOf returns why a body is refused, if it is.
func reasonOf(err *Error) Reason {
	if err == nil {
		return ""
	}
	return err.Reason
}

func TestLooksLikeJSON(t *testing.T) {
	for body, want := range map[string]bool{
		`{"a":1}`: true, " \r\n\t[1]": true, "\xef\xbb\xbf [": true, "": false, " ": false, "a=[1]": false, `"a"`: false,
		"\xef\xbb\xbf": false, "\u00a0{": false, "<a>{": false, "\x0b{": false,
	} {
		if got := looksLikeJSON([]byte(body)); got != want {
			t.Errorf("%q: %v, want %v", body, got, want)
		}
	}
}

// reference reads a document as encoding/json does: its leaves, one a line.
func reference(body []byte) (lines []string, ok bool) {
	if !json.Valid(body) {
		return nil, false
	}
	tokens := json.NewDecoder(bytes.NewReader(body))
	tokens.UseNumber()
	var read func(path string)
	read = func(path string) {
		token, _ := tokens.Token()
		switch token {
		case json.Delim('{'), json.Delim('['):
			if !tokens.More() {
				lines = append(lines, path+"=")
			}
			for i := 0; tokens.More(); i++ {
				name := strconv.Itoa(i)
				if token == json.Delim('{') {
					key, _ := tokens.Token()
					name = key.(string)
				}
				read(path + "." + name)
			}
			_, _ = tokens.Token() // the closing bracket of what is valid
		case nil:
			lines = append(lines, path+"=")
		default:
			lines = append(lines, fmt.Sprint(path, "=", token))
		}
	}
	read("json")
	return lines, true
}

// FuzzJSON compares with encoding/json: both accept the same, and read the same from it.
// encoding/json replaces bytes that are not UTF-8, which we show to the rules.
func FuzzJSON(f *testing.F) {
	for _, seed := range []string{
		`{"a":[1,-2.5e+3,true,false,null,"\u00e4\ud83d\udc8a\ud83d"],"":{},"a":[]}`, "\xef\xbb\xbf \"\xe4\\n\"", "[[],[{}],0]",
		"[1,]", "{\"a\":01}", `{"a":"b"`, "\"\\ud83d\\ud83d\\udc8a\"", "nul", "-", "1.", "1e+", "\"\x1f\"", "[1]\x1e[2]\n[3]",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		table := Table{limits: roomy}
		err := table.readJSON(body)
		if err == nil && len(table.Values) == 0 {
			if len(bytes.Trim(bytes.TrimPrefix(body, bom), blanks)) > 0 {
				t.Fatalf("%q has no values", body)
			}
			return
		}
		if reasonOf(err) == Depth {
			return
		}
		want, ok := reference(bytes.TrimPrefix(body, bom))
		if ok != (err == nil) {
			t.Fatalf("%q: %q, encoding/json accepts: %v", body, table.lines(err), ok)
		}
		var got []string
		for _, line := range table.lines(nil) {
			got = append(got, string([]rune(line)))
		}
		if ok && !slices.Equal(got, want) {
			t.Errorf("%q:\n got %q\nwant %q", body, got, want)
		}
		isBounded(t, body, (*Table).readJSON)
		isBounded(t, body, (*Table).readJSONLines)
	})
}

// isBounded reads a body within narrow limits: what is in the table never exceeds them,
// and is what would be there without limits.
func isBounded(t *testing.T, body []byte, read func(*Table, []byte) *Error) {
	t.Helper()
	narrow, wide := Table{limits: Limits{Arguments: 5, Depth: 3, Text: 40}}, Table{limits: roomy}
	err, size := read(&narrow, body), 0
	for _, v := range narrow.Values {
		size += len(v.Name) + len(v.Text)
	}
	if size > 40 || len(narrow.Values) > 5 {
		t.Errorf("%q exceeds the limits: %v", body, narrow.Values)
	}
	_ = read(&wide, body)
	if n := len(narrow.Values); n > len(wide.Values) || !slices.Equal(narrow.Values, wide.Values[:n]) || err == nil && n < len(wide.Values) {
		t.Errorf("%q within limits: %v\nwithout: %v", body, narrow.Values, wide.Values)
	}
}

// cart is one of 4 KB with 299 values.
var cart = func() string {
	var items []string
	for i := range 41 {
		items = append(items, fmt.Sprintf(`{"pzn":"%08d","name":"Ibuflam %d mg N%d","size":%d,"quantity":%d,"price":%d.%02d,"rx":%t,"note":"Stück"}`,
			4100218+i*7919, 200+i*20, 1+i%3, 10+i*5, 1+i%3, 3+i, i*37%100, i%4 == 0))
	}
	return `{"id":"9f86d081884c7d65","customer":{"id":48151623,"name":"Anneliese Müller","guest":false,"locale":"de-DE"},` +
		`"address":{"street":"Große Bleichen 114","city":"Hamburg","postal_code":"20354","country":"DE"},` +
		`"payment":null,"voucher":"","total":284.37,"items":[` + strings.Join(items, ",") + `]}`
}()

func BenchmarkJSON(b *testing.B) {
	body := []byte(cart)
	table := Table{limits: roomy}
	if err := table.readJSON(body); err != nil {
		b.Fatal(err)
	}
	b.Logf("%d bytes, %d values", len(body), len(table.Values))
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		table := Table{limits: roomy, Values: make([]Value, 0, 32)}
		_ = table.readJSON(body)
	}
}
