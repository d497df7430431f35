package bench

import (
	"bytes"
	"encoding/json"
	"fmt"
	"mime"
	"mime/multipart"
	"net/url"
	"reflect"
	"testing"
)

// TestWAFRequests holds the requests to what the lines say of them: figures of
// other runs and other machines are about the same bytes.
func TestWAFRequests(t *testing.T) {
	shapes := map[string]string{
		"get":    "5 headers, 0 arguments, 0 values, 0 KB",
		"args":   "20 headers, 5 arguments, 0 values, 0 KB",
		"form":   "21 headers, 0 arguments, 43 values, 2 KB",
		"json":   "6 headers, 0 arguments, 230 values, 4 KB",
		"upload": "6 headers, 0 arguments, 3 values, 100 KB",
		"static": "5 headers, 1 arguments, 0 values, 0 KB",
	}
	requests := wafRequests()
	if len(requests) != len(shapes) {
		t.Errorf("there are %d requests, want %d", len(requests), len(shapes))
	}
	for _, r := range requests {
		parsed, err := url.ParseRequestURI(r.uri)
		if err != nil {
			t.Fatal(err)
		}
		got := fmt.Sprintf("%d headers, %d arguments, %d values, %d KB",
			len(r.header), len(parsed.Query()), valuesOf(t, r), (len(r.body)+512)>>10)
		if got != shapes[r.name] {
			t.Errorf("%s has %s, want %s", r.name, got, shapes[r.name])
		}
	}
	if again := wafRequests(); !reflect.DeepEqual(requests, again) {
		t.Error("the requests differ from one call to the next")
	}
}

// valuesOf counts what a body consists of.
func valuesOf(t *testing.T, r *wafRequest) int {
	t.Helper()
	media, parameters, _ := mime.ParseMediaType(r.header.Get("Content-Type"))
	switch media {
	case "application/x-www-form-urlencoded":
		form, err := url.ParseQuery(string(r.body))
		if err != nil {
			t.Fatal(err)
		}
		return len(form)
	case "application/json":
		var document any
		if err := json.Unmarshal(r.body, &document); err != nil {
			t.Fatal(err)
		}
		return leaves(document)
	case "multipart/form-data":
		form, err := multipart.NewReader(bytes.NewReader(r.body), parameters["boundary"]).ReadForm(1 << 20)
		if err != nil {
			t.Fatal(err)
		}
		return len(form.Value) + len(form.File)
	}
	return 0
}

func leaves(document any) (n int) {
	switch d := document.(type) {
	case map[string]any:
		for _, value := range d {
			n += leaves(value)
		}
		return n
	case []any:
		for _, value := range d {
			n += leaves(value)
		}
		return n
	}
	return 1
}
