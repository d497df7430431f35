package demoshop

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"mime/multipart"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
)

func TestLogin(t *testing.T) {
	s, server := open(t, Loewen())
	b := browser(t)
	for _, c := range []struct {
		email, password string
		status          int
	}{
		{DemoEmail, "guess", 401},
		{"nobody@kunden.example", DemoPassword, 401},
		{"nobody@kunden.example", "", 401},
		{DemoEmail, DemoPassword, 303},
	} {
		res, page := post(t, b, server.URL+"/account/login", url.Values{"email": {c.email}, "password": {c.password}})
		if got, want := res.StatusCode, c.status; got != want {
			t.Errorf("%s %s: got status %d, want %d", c.email, c.password, got, want)
		}
		if res.StatusCode == 401 && !strings.Contains(page, `name="password"`) {
			t.Errorf("%s: the form is not shown again", c.email)
		}
	}
	if got, want := s.Truth().Logins, (Logins{Attempts: 4, Failures: 3}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	post(t, b, server.URL+"/checkout", draftFor(t, b, server.URL)) // to another address
	if _, page := do(t, b, "GET", server.URL+"/account", ""); !strings.Contains(page, DemoEmail) || strings.Contains(page, "LOEWEN-") {
		t.Errorf("got the account page %s", page)
	}
	do(t, b, "POST", server.URL+"/account/logout", "")
	if res, _ := do(t, b, "GET", server.URL+"/account", ""); res.StatusCode != 303 {
		t.Errorf("after logging out: got status %d, want 303", res.StatusCode)
	}
}

func TestPrescriptionArrivesByteByByte(t *testing.T) {
	config := Loewen()
	config.UploadLimit = 1 << 20
	s, server := open(t, config)
	random := make([]byte, 1<<20+1)
	rand.Read(random)
	for _, c := range []struct {
		what, field, file string
		body              []byte
		status            int
	}{
		{"one byte", "prescription", "rezept.jpg", random[:1], 200},
		{"as large as it may be", "prescription", "rezept.pdf", random[:1<<20], 200},
		{"one byte too large", "prescription", "rezept.pdf", random, 413},
		{"another field", "picture", "rezept.pdf", random[:10], 400},
		{"empty", "prescription", "rezept.pdf", nil, 400},
	} {
		var form bytes.Buffer
		m := multipart.NewWriter(&form)
		m.WriteField("note", "first")
		part, err := m.CreateFormFile(c.field, c.file)
		if err != nil {
			t.Fatal(err)
		}
		part.Write(c.body)
		m.Close()
		res, body := do(t, browser(t), "POST", server.URL+"/prescription", form.String(), "Content-Type", m.FormDataContentType())
		if got, want := res.StatusCode, c.status; got != want {
			t.Errorf("%s: got status %d, want %d", c.what, got, want)
		}
		if res.StatusCode != 200 {
			continue
		}
		var got receipt
		if err := json.Unmarshal([]byte(body), &got); err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(c.body)
		if got.SHA256 != hex.EncodeToString(sum[:]) || got.Bytes != int64(len(c.body)) || got.Name != c.file {
			t.Errorf("%s: got %+v", c.what, got)
		}
		_, page := do(t, browser(t), "POST", server.URL+"/prescription", form.String(), "Content-Type", m.FormDataContentType(), "Accept", "text/html")
		if !strings.Contains(page, got.SHA256) {
			t.Errorf("%s: the checksum is not on the page", c.what)
		}
		cut := form.String()[:form.Len()-20-min(len(c.body), 100)]
		if res, _ := do(t, browser(t), "POST", server.URL+"/prescription", cut, "Content-Type", m.FormDataContentType()); res.StatusCode != 400 {
			t.Errorf("%s, cut off: got status %d, want 400", c.what, res.StatusCode)
		}
	}
	if got, want := s.Truth().Uploads, (Uploads{Files: 4, Bytes: 2 * (1 + 1<<20)}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestCardlink(t *testing.T) {
	config := Loewen()
	config.Sockets = 1
	config.Concurrency = 1 // a session must not take it
	s, server := open(t, config)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	conn, _, err := websocket.Dial(ctx, server.URL+"/cardlink", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.CloseNow()
	for i, c := range []struct{ say, want string }{
		{`{"type":"registerEGK","correlationId":"c","payload":{"card":[1,2]}}`, `{"seq":1,"type":"registerEGK","correlationId":"c","payload":{"card":[1,2]}}`},
		{`{"correlationId":"c"}`, `{"seq":2,"type":"","correlationId":"c","error":"no type"}`},
		{`nonsense`, `{"seq":3,"type":"","error":"not a JSON message"}`},
	} {
		if err := conn.Write(ctx, websocket.MessageText, []byte(c.say)); err != nil {
			t.Fatal(err)
		}
		_, got, err := conn.Read(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != c.want {
			t.Errorf("message %d:\ngot  %s\nwant %s", i+1, got, c.want)
		}
	}
	if _, res, err := websocket.Dial(ctx, server.URL+"/cardlink", nil); err == nil || res.StatusCode != 503 {
		t.Errorf("one session too many: got %v", err)
	}
	if res, _ := do(t, browser(t), "GET", server.URL+"/", ""); res.StatusCode != 200 {
		t.Errorf("a page beside the session: got status %d, want 200", res.StatusCode)
	}
	if got, want := s.Truth().Sockets, (Sockets{Sessions: 1, Open: 1, Refused: 1, Messages: 3}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	s.Close()
	if _, _, err := conn.Read(ctx); err == nil {
		t.Error("the session outlived the shop")
	}
}

func TestPreferred(t *testing.T) {
	for _, c := range []struct{ header, want string }{
		{"", ""},
		{"de", "de"},
		{"DE-at", "de"},
		{"fr,en;q=0.8,de;q=0.9", "de"},
		{"en-GB, de", "en"},
		{"de;q=0, en;q=0.1", "en"},
		{"de;q=NaN, en;q=2, fr", ""},
		{strings.Repeat("fr,", 20) + "de", ""},
	} {
		if got := preferred(c.header); got != c.want {
			t.Errorf("%q: got %q, want %q", c.header, got, c.want)
		}
	}
}

func TestCatalogue(t *testing.T) {
	for _, p := range products {
		sum := 0
		for i, digit := range p.PZN[:7] {
			sum += (i + 1) * int(digit-'0')
		}
		if got, want := fmt.Sprint(sum%11), p.PZN[7:]; got != want {
			t.Errorf("%s: got check digit %s, want %s", p.ID, want, got)
		}
		if p.Name.DE == "" || p.Name.EN == "" || p.About.DE == "" || p.About.EN == "" || p.Price <= 0 {
			t.Errorf("%s is not complete", p.ID)
		}
	}
	if got, want := len(productsByID), len(products); got != want {
		t.Errorf("got %d different products, want %d", got, want)
	}
}

func TestMessagesAreInBothLanguages(t *testing.T) {
	var sources strings.Builder
	files, err := templateFiles.ReadDir("templates")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		text, err := templateFiles.ReadFile("templates/" + f.Name())
		if err != nil {
			t.Fatal(err)
		}
		sources.Write(text)
	}
	said := []string{"sorry", "welcome", "bad_form", "too_large", "stale_form", "not_found"} // by Go code
	for _, p := range payments {
		said = append(said, "pay_"+p)
	}
	for _, m := range regexp.MustCompile(`\.T "(\w+)"`).FindAllStringSubmatch(sources.String(), -1) {
		said = append(said, m[1])
	}
	for _, key := range said {
		if text := messages[key]; text.DE == "" || text.EN == "" {
			t.Errorf("%q is not said in both languages", key)
		}
	}
	for key := range messages {
		if !slices.Contains(said, key) {
			t.Errorf("%q is never said", key)
		}
	}
	if _, err := german.text("nonsense"); err == nil {
		t.Error("a text that does not exist was found")
	}
}
