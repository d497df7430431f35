package parser

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

func TestBoundaries(t *testing.T) {
	for contentType, want := range map[string]string{
		"multipart/form-data; boundary=b":                                                       "b",
		"multipart/form-data;boundary=----geckoformboundary4a7acee3709293e1;charset=UTF-8":      "----geckoformboundary4a7acee3709293e1",
		`multipart/form-data; charset=utf-8; Boundary="----=_Part_0_1.2"`:                       "----=_Part_0_1.2",
		"multipart/form-data; boundary=dart-http-boundary-+_.1Zq9":                              "dart-http-boundary-+_.1Zq9",
		`multipart/related; type="application/xop+xml"; boundary="uuid:6f1c+id=1"; start="<r>"`: "uuid:6f1c+id=1",
		"multipart/form-data; boundary=" + strings.Repeat("b", 70):                              strings.Repeat("b", 70),
		"multipart/form-data; boundary=" + strings.Repeat("b", 71):                              "refused",
		"multipart/form-data":                                 "refused",
		"multipart/form-data; boundary=":                      "refused",
		`multipart/form-data; boundary=""`:                    "refused",
		"multipart/form-data;boundary=*****":                  "*****",
		"multipart/form-data; Boundary=a; x=boundary=b":       "refused",
		"multipart/form-data; BOUNDARY=a; x-boundary=b":       "refused",
		`multipart/form-data; type="boundary=zz"; boundary=b`: "refused",
		"multipart/form-data; x-boundary=zz; boundary=b":      "refused",
		"multipart/form-data; boundary*=utf-8''b":             "refused",
		"multipart/form-data; boundary*0=b":                   "refused",
		"multipart/form-data; boundary=a,b":                   "refused",
		"multipart/form-data; boundary=a b":                   "refused",
		`multipart/form-data; boundary="a b"`:                 "refused",
		`multipart/form-data; boundary="a;b"`:                 "refused",
		`multipart/form-data; boundary="a"b`:                  "refused",
		`multipart/form-data; boundary="a`:                    "refused",
	} {
		got, err := boundaryOf(contentType)
		if err != nil {
			got = "refused"
		}
		if got != want {
			t.Errorf("%s: %q, want %q", contentType, got, want)
		}
	}
}

// TestParts: what all servers read alike is read; what some read otherwise is refused. The
// differential test of test/multipart asks real ones.
func TestParts(t *testing.T) {
	const (
		named = "Content-Disposition: form-data; name=\"a\""
		field = "--b\r\n" + named + "\r\n\r\nv\r\n"
		end   = "--b--\r\n"
	)
	part := func(head string) string { return "--b\r\n" + head + "\r\n\r\nv\r\n" + end }
	for name, c := range map[string]struct{ body, want string }{
		"a field":                        {field + end, "[a=v]"},
		"two of a name":                  {field + field + end, "[a=v a=v]"},
		"an end without a line":          {field + "--b--", "[a=v]"},
		"an empty field":                 {"--b\r\n" + named + "\r\n\r\n\r\n" + end, "[a=]"},
		"a field of lines":               {"--b\r\n" + named + "\r\n\r\nv\n\r\n\rw\r\n" + end, "[a=v\n\r\n\rw]"},
		"no part":                        {end, "[]"},
		"a line before":                  {"\r\n" + field + end, "[a=v]"},
		"a path of Windows":              {part(named + `; filename="C:\fakepath\ä\ö.jpg"`), `[a:C:\fakepath\ä\ö.jpg a:C:fakepathäö.jpg]`},
		"a name in a word of mail":       {part(named + `; filename="=?utf-8?B?w6QuanBn?="`), "[a:=?utf-8?B?w6QuanBn?= a:ä.jpg]"},
		"a name without quotes":          {part("Content-Disposition: form-data; name=a.b-c_1"), "[a.b-c_1=v]"},
		"no blank":                       {part("content-disposition:form-data;name=\"a\""), "[a=v]"},
		"an umlaut":                      {part("Content-Disposition: form-data; name=\"ä\""), "[ä=v]"},
		"a name with brackets":           {part("Content-Disposition: form-data; name=\"a[b][]\""), "[a[b][]=v]"},
		"a file":                         {part(named + "; filename=\"ä.jpg\"\r\nContent-Type: image/jpeg"), "[a:ä.jpg]"},
		"a file with a name as RFC 8187": {part(named + "; filename=\"a.jpg\"; filename*=UTF-8''%C3%A4.jpg"), "[a:a.jpg a:ä.jpg]"},
		"the same name twice":            {part(named + "; filename=\"a.jpg\"; filename*=utf-8''a.jpg"), "[a:a.jpg]"},
		"no file chosen":                 {"--b\r\n" + named + "; filename=\"\"\r\nContent-Type: application/octet-stream\r\n\r\n\r\n" + end, "[a=]"},
		"a length":                       {part(named + "\r\nContent-Length: 1"), "[a=v]"},
		"a type and a charset":           {part(named + "\r\nContent-Type: text/plain; charset=UTF-8"), "[a=v]"},
		"binary":                         {part(named + "\r\nContent-Transfer-Encoding: binary"), "[a=v]"},
		"8bit":                           {part(named + "\r\nContent-Transfer-Encoding: 8BIT"), "[a=v]"},
		"a document":                     {"--b\r\n" + named + "\r\nContent-Type: application/json\r\n\r\n{\"c\":\"d\"}\r\n" + end, "[json.c=d]"},
		"a document that is none":        {"--b\r\n" + named + "\r\nContent-Type: application/json\r\n\r\n{\"c\"\r\n" + end, "[a={\"c\"]"},
		"a document as a file":           {"--b\r\n" + named + "; filename=\"blob\"\r\nContent-Type: application/json\r\n\r\n{\"c\":\"d\"}\r\n" + end, "[a:blob json.c=d]"},

		"nothing":                          {"", "framing 400"}, // is not asked in practice
		"two lines before":                 {"\r\n\r\n" + field + end, "framing 400"},
		"a line feed before":               {"\n" + field + end, "framing 400"},
		"text before":                      {"x\r\n" + field + end, "framing 400"},
		"text behind":                      {field + "--b--\r\nx", "framing 400"},
		"a second end":                     {field + end + end, "framing 400"},
		"the end first":                    {end + field + end, "framing 400"},
		"no end":                           {field, "framing 400"},
		"half an end":                      {field + "--b-", "framing 400"},
		"blanks behind the boundary":       {"--b \r\n" + named + "\r\n\r\nv\r\n" + end, "framing 400"},
		"more behind the boundary":         {field + "--bx\r\n" + named + "\r\n\r\nv\r\n" + end, "framing 400"},
		"line feeds":                       {strings.ReplaceAll(field+end, "\r\n", "\n"), "framing 400"},
		"a boundary behind a line feed":    {"--b\r\n" + named + "; filename=\"a.jpg\"\r\n\r\nv\n--b\r\n" + named + "\r\n\r\nw\r\n" + end, "framing 400"},
		"a boundary behind a CR":           {"--b\r\n" + named + "\r\n\r\nv\r--b\r\n" + end, "framing 400"},
		"a boundary in a value":            {"--b\r\n" + named + "\r\n\r\nv--b\r\n" + end, "framing 400"},
		"a boundary in a header":           {part(named + "\r\nX: --b"), "framing 400"},
		"no line for the body":             {"--b\r\n" + named + "\r\n\r\n" + end, "framing 400"},
		"no blank line":                    {"--b\r\n" + named + "\r\n" + end, "framing 400"},
		"no header":                        {"--b\r\n\r\nv\r\n" + end, "framing 400"},
		"no disposition":                   {part("Content-Type: text/plain"), "part-header 400"},
		"another disposition":              {part("Content-Disposition: attachment; name=\"a\""), "part-header 400"},
		"a disposition in capitals":        {part("Content-Disposition: Form-Data; name=\"a\""), "part-header 400"},
		"no name":                          {part("Content-Disposition: form-data"), "part-header 400"},
		"an empty name":                    {part("Content-Disposition: form-data; name=\"\""), "part-header 400"},
		"the file name first":              {part("Content-Disposition: form-data; filename=\"a\"; name=\"a\""), "part-header 400"},
		"a folder":                         {part(named + "; filename=\"a.php/\""), "part-header 400"},
		"a folder as RFC 8187":             {part(named + "; filename=\"a\"; filename*=UTF-8''a.php%2F"), "part-header 400"},
		"a path of two backslashes":        {part(named + `; filename="\\a\b.jpg"`), "part-header 400"},
		"a backslash at the end":           {part(named + `; filename="a\"`), "part-header 400"},
		"a word of an unknown charset":     {part(named + `; filename="=?utf-7?Q?a?="`), "part-header 400"},
		"a line feed in a word":            {part(named + `; filename="=?utf-8?Q?a=0A?="`), "part-header 400"},
		"parts of a part":                  {part(named + "\r\nContent-Type: multipart/mixed; boundary=c"), "part-header 400"},
		"a charset that Python knows":      {part(named + "\r\nContent-Type: text/plain; charset*=utf-8''utf-7"), "part-header 400"},
		"a charset in pieces":              {part(named + "\r\nContent-Type: text/plain; charset*0=utf-7"), "part-header 400"},
		"eleven lines":                     {part(named + "\r\nX0: y\r\nX1: y\r\nX2: y\r\nX3: y\r\nX4: y\r\nX5: y\r\nX6: y\r\nX7: y\r\nX8: y\r\nX9: y"), "part-header 400"},
		"only filename*":                   {part(named + "; filename*=UTF-8''a.jpg"), "part-header 400"},
		"filename* beside an empty one":    {part(named + "; filename=\"\"; filename*=UTF-8''a.jpg"), "part-header 400"},
		"filename* in a charset":           {part(named + "; filename=\"a\"; filename*=utf-7''+AGEAZQ-"), "part-header 400"},
		"filename* in quotes":              {part(named + "; filename=\"a\"; filename*=\"UTF-8''a\""), "part-header 400"},
		"filename* with half an escape":    {part(named + "; filename=\"a\"; filename*=UTF-8''%4"), "part-header 400"},
		"filename* behind two semicolons":  {part(named + "; filename=\"a\";; filename*=UTF-8''a"), "part-header 400"},
		"filename* without a name":         {part(named + "; filename=\"a\"; filename*=UTF-8''"), "part-header 400"},
		"filename* with a parameter in it": {part(named + "; filename=\"a\"; filename*=UTF-8'; y=\"'a"), "part-header 400"},
		"filename*0":                       {part(named + "; filename*0=\"a.\"; filename*1=\"jpg\""), "part-header 400"},
		"name*":                            {part(named + "; name*=utf-8''password"), "part-header 400"},
		"a blank before =":                 {part(named + "; filename =\"a.jpg\""), "part-header 400"},
		"a blank behind =":                 {part(named + "; filename= \"a.jpg\""), "part-header 400"},
		"apostrophes":                      {part(named + "; x='; filename=\"a.jpg\"; y='"), "part-header 400"},
		"a name in apostrophes":            {part("Content-Disposition: form-data; name='a'"), "part-header 400"},
		"a name twice":                     {part(named + "; name=\"b\""), "part-header 400"},
		"a file name twice":                {part(named + "; filename=\"a\"; filename=\"b\""), "part-header 400"},
		"a parameter more":                 {part(named + "; size=1"), "part-header 400"},
		"a semicolon more":                 {part(named + ";"), "part-header 400"},
		"a backslash":                      {part("Content-Disposition: form-data; name=\"a\\\"; filename=\\\"b\""), "part-header 400"},
		"letters behind the quotes":        {part("Content-Disposition: form-data; name=\"a\"b"), "part-header 400"},
		"a quote that stays open":          {part("Content-Disposition: form-data; name=\"a"), "part-header 400"},
		"a name in another charset":        {part("Content-Disposition: form-data; name=\"\xe4\""), "part-header 400"},
		"a NUL":                            {part("Content-Disposition: form-data; name=\"a\x00\""), "part-header 400"},
		"a disposition twice":              {part(named + "\r\n" + named), "part-header 400"},
		"a type twice":                     {part(named + "\r\nContent-Type: a/b\r\ncontent-type: a/b"), "part-header 400"},
		"a folded line":                    {part("Content-Disposition: form-data;\r\n name=\"a\""), "part-header 400"},
		"a blank before the colon":         {part("Content-Disposition : form-data; name=\"a\""), "part-header 400"},
		"a blank before the name":          {part(" " + named), "part-header 400"},
		"a line without a colon":           {part(named + "\r\nX"), "part-header 400"},
		"a line feed in the header":        {part(named + "\nX: y"), "part-header 400"},
		"an empty file name and a content": {part(named + "; filename=\"\""), "part-header 400"},
		"a header that is too long":        {part(named + "\r\nX: " + strings.Repeat("x", 5000)), "part-header 400"},
		"base64":                           {part(named + "\r\nContent-Transfer-Encoding: base64"), "part-encoding 400"},
		"quoted-printable":                 {part(named + "\r\nContent-Transfer-Encoding: quoted-printable"), "part-encoding 400"},
		"UTF-7":                            {part(named + "\r\nContent-Type: text/plain; charset=utf-7"), "charset 400"},
	} {
		table := Table{limits: defaults}
		err := table.readMultipart([]byte(c.body), "b")
		got := describe(err)
		if err == nil {
			got = table.fields()
		}
		if got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

// fields shows fields as a=b and files as a:b.
func (t *Table) fields() string {
	fields := []string{}
	for _, v := range t.Values {
		switch v.Source {
		case Part, Leaf, Body:
			fields = append(fields, v.Name+"="+v.Text)
		case Filename:
			fields = append(fields, v.Name+":"+v.Text)
		case XMLText:
			fields = append(fields, v.Text)
		}
	}
	return fmt.Sprint(fields)
}

func TestRelated(t *testing.T) {
	const root = "--b\r\nContent-Type: application/xop+xml; charset=UTF-8; type=\"text/xml\"\r\nContent-ID: <root>\r\n\r\n<a>cid:pdf</a>\r\n"
	for name, c := range map[string]struct{ body, want string }{
		"a document and a file": {root + "--b\r\nContent-Type: application/pdf\r\nContent-ID: <pdf>\r\n\r\n%PDF\x00\r\n--b--", "[cid:pdf]"},
		"a text":                {"--b\r\nContent-ID: <a>\r\n\r\ntext\r\n--b--\r\n", "[body=text]"},
		"JSON":                  {"--b\r\nContent-Type: application/json\r\n\r\n{\"a\":1}\r\n--b--\r\n", "[json.a=1]"},
		"with a disposition":    {"--b\r\nContent-Type: text/plain\r\nContent-Disposition: attachment; filename=\"a.txt\"\r\n\r\ntext\r\n--b--\r\n", "[body=text]"},
		"a field":               {"--b\r\nContent-Type: application/pdf\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nv\r\n--b--\r\n", "[a=v]"},
		"a file of a form":      {"--b\r\nContent-Type: image/jpeg\r\nContent-Disposition: form-data; name=\"a\"; filename=\"b.jpg\"\r\n\r\nJFIF\r\n--b--\r\n", "[a:b.jpg]"},
		"a field with a blank":  {"--b\r\nContent-Type: application/pdf\r\nContent-Disposition: Form-Data; name =\"a\"\r\n\r\nv\r\n--b--\r\n", "part-header 400"},
		"a broken document":     {"--b\r\nContent-Type: text/xml\r\n\r\n<a>\r\n--b--\r\n", "xml 400"},
		"base64":                {"--b\r\nContent-Type: text/xml\r\nContent-Transfer-Encoding: base64\r\n\r\nPGE+\r\n--b--\r\n", "part-encoding 400"},
		"nothing of the kind":   {"<a/>", "framing 400"},
	} {
		table := Table{limits: defaults}
		err := table.readRelated([]byte(c.body), "b")
		got := describe(err)
		if err == nil {
			got = table.fields()
		}
		if got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

// BenchmarkMultipart reads an upload of 100 KB: a file and two fields.
func BenchmarkMultipart(b *testing.B) {
	file := strings.Repeat("\xff\xd8JFIF\r\n\x00--x", 9000)[:100_000]
	body := []byte("--b00dary\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n--b00dary\r\nContent-Disposition: form-data; name=\"b\"\r\n\r\n2\r\n" +
		"--b00dary\r\nContent-Disposition: form-data; name=\"rezept\"; filename=\"rezept.jpg\"\r\nContent-Type: image/jpeg\r\n\r\n" + file + "\r\n--b00dary--\r\n")
	r := asked(http.MethodPost, "/", "Content-Type: multipart/form-data; boundary=b00dary")
	b.ReportAllocs()
	for b.Loop() {
		table, _ := ReadHeader(r, defaults)
		if err := table.ReadBody(r, body); err != nil {
			b.Fatal(err)
		}
	}
}
