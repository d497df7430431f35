package demoshop

import "testing"

// Whatever is accepted must be an order that the shop can send.
func FuzzOrder(f *testing.F) {
	f.Add([]byte(goodOrder))
	f.Add([]byte(`{"lines":[{"product":"nasenspray","quantity":9223372036854775807}]}`))
	f.Add([]byte(`null`))
	f.Fuzz(func(t *testing.T, body []byte) {
		buyer, lines, err := parseOrder(body)
		if err != nil {
			return
		}
		if wrong := buyer.mistakes(); len(wrong) > 0 || len(lines) == 0 || len(lines) > maxLines {
			t.Errorf("accepted %q with mistakes %v and %d lines", body, wrong, len(lines))
		}
		seen := make(map[string]bool)
		for _, l := range lines {
			if l.Quantity < 1 || l.Quantity > maxQuantity || l.Price <= 0 || seen[l.Product] {
				t.Errorf("accepted %q with line %+v", body, l)
			}
			seen[l.Product] = true
		}
	})
}

// Whatever is accepted names one order, and no other than the URL.
func FuzzCallback(f *testing.F) {
	const form, js = "application/x-www-form-urlencoded", "application/json"
	f.Add(form, "", []byte("order=A&status=paid"))
	f.Add(js, "A", []byte(`{"order":"A","status":"failed"}`))
	f.Add(form, "A", []byte("order=B&order=A&status=paid"))
	f.Fuzz(func(t *testing.T, contentType, inURL string, body []byte) {
		no, _, err := parseCallback(contentType, inURL, body)
		if err == nil && (no == "" || inURL != "" && no != inURL) {
			t.Errorf("accepted %q for %q as order %q", body, inURL, no)
		}
	})
}

// Any message gets an answer that is JSON.
func FuzzCardMessage(f *testing.F) {
	f.Add([]byte(`{"type":"registerEGK","payload":{}}`))
	f.Add([]byte(`{"payload":nul}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		r := parseCardMessage(data)
		if (r.Error == "") != (r.Type != "") {
			t.Errorf("%q was answered %+v", data, r)
		}
	})
}
