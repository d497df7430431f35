package parser

import (
	"encoding/base64"
	"net/http"
	"strings"
	"testing"
)

func TestFilesInFields(t *testing.T) {
	photo := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("JFIF\x00\x10\xff", 2000)))
	var lines strings.Builder
	for rest := photo; rest != ""; rest = rest[min(76, len(rest)):] {
		lines.WriteString(rest[:min(76, len(rest))] + "\r\n")
	}
	for name, c := range map[string]struct {
		text string
		want bool
	}{
		"base64":                    {photo, true},
		"in lines":                  {lines.String(), true},
		"of URLs":                   {strings.NewReplacer("+", "-", "/", "_", "=", "").Replace(photo), true},
		"a picture as data URL":     {"data:image/jpeg;base64," + photo, true},
		"a PDF as data URL":         {"data:application/pdf;base64," + photo, true},
		"a page as data URL":        {"data:text/html;base64," + photo, false},
		"a drawing with scripts":    {"data:image/svg+xml;base64," + photo, false},
		"a data URL without base64": {"data:image/jpeg," + photo, false},
		"a data URL, far away":      {"data:image/jpeg;" + strings.Repeat("a=b;", 50) + "base64," + photo, false},
		"a short one":               {photo[:smallestFile-1], false},
		"the shortest one":          {photo[:smallestFile], true},
		"with an attack behind it":  {photo + "' OR 1=1--", false},
		"with an attack before it":  {"<script>" + photo, false},
		"with a blank":              {photo + " x", false},
		"with more behind its end":  {photo + "==AA", false},
		"words in lines":            {"1\n" + strings.Repeat("A", smallestFile) + "\nunion\nselect\n1", false},
		"words in empty lines":      {"1\nunion" + strings.Repeat("\n", smallestFile) + "select\n1", false},
		"a word in a shorter line":  {lines.String()[:78] + "reboot\r\n" + lines.String(), false},
		"a data URL with blanks":    {"data:image/jpeg;base64," + strings.ReplaceAll(photo, "/", " "), true},
		"of padding":                {strings.Repeat("=", smallestFile), false},
	} {
		if got := isFile(c.text); got != c.want {
			t.Errorf("%s: %t, want %t", name, got, c.want)
		}
	}
}

// TestFilesAreNotText: a file counts toward no bound of text, and neither does its field
// hide the others.
func TestFilesAreNotText(t *testing.T) {
	photo := strings.Repeat("QUJD", 50_000)
	r := asked(http.MethodPost, "/", "Content-Type: application/x-www-form-urlencoded")
	table, _ := ReadHeader(r, defaults)
	if err := table.ReadBody(r, []byte("a=1&photo="+photo+"&b=2")); err != nil {
		t.Fatal(err)
	}
	if table.Files != int64(len(photo)) || table.Text > 100 || table.Raw != "a=1&b=2" {
		t.Errorf("%d bytes of files, %d of text, and %q is left", table.Files, table.Text, table.Raw)
	}
}
