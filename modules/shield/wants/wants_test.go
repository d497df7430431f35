package wants

import (
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/theriac-edge/theriac/shop"
)

// Requests as browsers send them, and what their senders can read.
func TestOf(t *testing.T) {
	const page = "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
	for name, c := range map[string]struct {
		header string // lines
		class  shop.Class
		want   Kind
	}{
		"a navigation":                            {header: page + "\nSec-Fetch-Mode: navigate", want: HTML},
		"a navigation to data":                    {header: page + "\nSec-Fetch-Mode: navigate", class: shop.API, want: HTML},
		"a script's fetch":                        {header: "Accept: */*\nSec-Fetch-Mode: cors", want: JSON},
		"a worker's copy of a navigation":         {header: page + "\nSec-Fetch-Mode: same-origin", want: HTML},
		"a worker's request for a page":           {header: page + "\nSec-Fetch-Mode: cors", want: HTML},
		"a library's request for a page":          {header: "Accept: text/html, */*; q=0.01\nX-Requested-With: XMLHttpRequest\nSec-Fetch-Mode: cors", want: JSON},
		"a request for data, or else a page":      {header: "Accept: application/json, text/html;q=0.5\nSec-Fetch-Mode: cors", want: JSON},
		"a socket":                                {header: "Sec-Fetch-Mode: websocket", want: JSON},
		"a picture":                               {header: "Accept: image/avif,*/*\nSec-Fetch-Mode: no-cors", want: Nothing},
		"an old browser's navigation":             {header: page, want: HTML},
		"an old browser's navigation to data":     {header: page, class: shop.API, want: JSON},
		"an old browser's fetch":                  {header: "Accept: */*", want: JSON},
		"an old browser's fetch for data":         {header: "Accept: application/json, text/plain, */*", want: JSON},
		"an old browser's data, or else a page":   {header: "Accept: application/json, text/html;q=0.5", want: JSON},
		"an old browser's library":                {header: "Accept: */*\nX-Requested-With: XMLHttpRequest", want: JSON},
		"an old browser's events":                 {header: "Accept: text/event-stream", want: JSON},
		"an old browser's picture":                {header: "Accept: image/webp,image/png,image/svg+xml,image/*;q=0.8,*/*;q=0.5", want: Nothing},
		"an old browser's style":                  {header: "Accept: text/css,*/*;q=0.1", want: Nothing},
		"an old browser's script":                 {header: "Accept: */*", class: shop.Asset, want: Nothing},
		"an old browser's page that is a picture": {header: page, class: shop.Asset, want: HTML},
		"curl":              {header: "Accept: */*", want: JSON},
		"a program without": {want: JSON},
		"a notification":    {class: shop.Callback, want: JSON},
	} {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest("GET", "/", nil)
			for line := range strings.Lines(c.header) {
				field, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
				r.Header.Set(field, value)
			}
			if got := Of(r, c.class); got != c.want {
				t.Errorf("Of = %d, want %d", got, c.want)
			}
		})
	}
}
