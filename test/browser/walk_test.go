package browser

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"mime"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/theriac-edge/theriac/demoshop"
	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/test/chrome"
)

// TestWalk: a customer does in an attacked shop all that customers do. Some of
// the requests that are challenged are forms, and one carries a prescription.
func TestWalk(t *testing.T) {
	browser := chrome.Start(t, chrome.Options{Flags: []string{names, "ignore-certificate-errors"}})
	for _, c := range []struct {
		level  shop.Level
		scheme string
	}{{shop.Attack, "https"}, {shop.Heavy, "http"}, {shop.Siege, "https"}} {
		t.Run(fmt.Sprintf("level %d over %s", c.level, c.scheme), func(t *testing.T) {
			s := openMall(t, plan{scheme: c.scheme})
			s.level(c.level)
			w := visitMall(t, browser, s)
			w.browse()
			w.order()
			w.prescribe()
			w.twoTabs()
			w.next()
			w.settle()
		})
	}
}

// browse comes from nowhere, looks around and logs in.
func (w *walker) browse() {
	w.open("/", ".hero")
	w.Fill(map[string]string{"#q": "Tee"})
	w.Click("form.search button")
	w.arrive("/search", ".card h3 a")
	w.losePass()
	w.Click(".card h3 a")
	w.Await(atShop + ` && document.querySelector("article.product")`)
	w.Back(1)
	w.arrive("/search", ".card h3 a")
	w.Back(-1)
	w.Await(atShop + ` && document.querySelector("article.product")`)
	w.losePass()
	w.Click("article.product form button")
	w.arrive("/cart", "table.lines")
	w.open("/account/login", "#password")
	w.Fill(map[string]string{"#email": demoshop.DemoEmail, "#password": demoshop.DemoPassword})
	w.Click("form.panel button")
	w.arrive("/account", "h2")
}

// buyer is what the customer writes into the form: what has to be escaped, and
// a name that is longer in bytes than in letters.
var buyer = demoshop.Buyer{
	Name: "Jürgen Öztürk & Søn", Email: demoshop.DemoEmail, Street: "Straße + 7 = 100 %", Zip: "60311", City: "Frankfurt", Payment: "invoice",
}

// order fills in the checkout form, and is challenged when it sends it.
func (w *walker) order() {
	w.open("/checkout", "#reference")
	w.write()
	form := chrome.Eval[string](w.Tab, `String(new URLSearchParams(new FormData(document.querySelector("form.split"))))`)
	w.losePass()
	w.Click("form.split button.full")
	w.arrive("/checkout/done", ".facts")
	if got, want := w.way("/checkout", 0), "GET 200, POST 503, POST 303"; got != want {
		w.t.Errorf("the order took %s, want %s", got, want)
	}
	posts := w.here().to("/checkout")
	if len(posts) != 1 || posts[0].body != form {
		w.t.Errorf("the shop got %q, want one %q", posts, form)
	}
	w.Back(1) // to the form, not to a challenge that asks to send it again
	w.Await(atShop + ` && location.pathname !== "/checkout/done"`)
	w.Back(-1)
	w.arrive("/checkout/done", ".facts")
}

// write fills in the checkout form.
func (w *walker) write() {
	w.t.Helper()
	w.Fill(map[string]string{
		"#name": buyer.Name, "#email": buyer.Email, "#street": buyer.Street, "#zip": buyer.Zip, "#city": buyer.City,
		"#reference": w.reference(),
	})
}

// prescribe hands in a photograph of 3 MB, is challenged when it does, and then
// tries the card reader.
func (w *walker) prescribe() {
	photo := make([]byte, 3<<20+77)
	for i, random := 0, rand.New(rand.NewPCG(3, 1)); i < len(photo); i++ {
		photo[i] = byte(random.Uint32())
	}
	file := filepath.Join(w.t.TempDir(), "rezept.jpg")
	if err := os.WriteFile(file, photo, 0o600); err != nil {
		w.t.Fatal(err)
	}
	w.open("/prescription", "#prescription")
	w.Attach("#prescription", file)
	w.losePass()
	w.Click("form.panel button.full")
	sum := sha256.Sum256(photo)
	w.Await(fmt.Sprintf(`%s && document.querySelector(".facts code")?.textContent === %q`, atShop, hex.EncodeToString(sum[:])))
	if got, want := w.way("/prescription", 0), "GET 200, POST 503, POST 200"; got != want {
		w.t.Errorf("the prescription took %s, want %s", got, want)
	}
	posts := w.here().to("/prescription")
	if len(posts) != 1 {
		w.t.Fatalf("the shop got %d prescriptions, want one", len(posts))
	}
	_, params, err := mime.ParseMediaType(posts[0].contentType)
	if err != nil {
		w.t.Fatal(err)
	}
	if want := multipartOf(params["boundary"], photo); posts[0].body != want {
		w.t.Errorf("the shop got %d bytes beginning %.200q, want %d beginning %.200q", len(posts[0].body), posts[0].body, len(want), want)
	}
	w.Click("#card-try")
	w.Await(`document.querySelectorAll("#card-log li").length === 3`)
	if got := chrome.Eval[string](w.Tab, `document.getElementById("card-log").innerText`); strings.Count(got, "✓") != 3 {
		w.t.Errorf("the card reader says %q, want three steps done", got)
	}
}

// multipartOf is the whole body of the form, as browsers write it.
func multipartOf(boundary string, photo []byte) string {
	var b bytes.Buffer
	b.WriteString("--" + boundary + "\r\nContent-Disposition: form-data; name=\"prescription\"; filename=\"rezept.jpg\"\r\n")
	b.WriteString("Content-Type: image/jpeg\r\n\r\n")
	b.Write(photo)
	b.WriteString("\r\n--" + boundary + "--\r\n")
	return b.String()
}

// twoTabs are challenged at once, and both go on.
func (w *walker) twoTabs() {
	w.losePass()
	other := &walker{w.Beside(), w.t, w.mall, w.shop}
	w.Go(w.mall.at(w.shop, "/search?q=Salbe"))
	other.Go(w.mall.at(w.shop, "/search?q=Tee"))
	w.arrive("/search", ".card")
	other.arrive("/search", ".card")
	if n := challenges(w.t, other.Answers(), w.shop); n != 1 {
		w.t.Errorf("the second tab was challenged %d times, want once: %v", n, other.Answers())
	}
	if got := outcomes(w.t, w.mall.edge, w.shop)["page"] - 1; got != challenges(w.t, w.Answers(), w.shop) {
		w.t.Errorf("the edge challenged %d pages besides, the browser saw %d", got, challenges(w.t, w.Answers(), w.shop))
	}
}

// next goes to another shop, where the pass of the first one is of no use.
func (w *walker) next() {
	other := &walker{w.Tab, w.t, w.mall, "sonnen"}
	other.open("/", ".hero")
	if got := outcomes(w.t, w.mall.edge, "sonnen"); got["page"] != 1 || got["passed"] != 1 {
		w.t.Errorf("the second shop counts %v, want one page and one pass", got)
	}
	w.open("/account", "table.lines") // and the first one has not been forgotten
}

func (w *walker) reference() string { return url.PathEscape(w.t.Name()) }

// settle asks the shop what arrived, and the edge what it did.
func (w *walker) settle() {
	orders, truth := w.here().OrdersFor(w.reference()), w.here().Truth()
	if len(orders) != 1 {
		w.t.Fatalf("%d orders of this customer, want one", len(orders))
	}
	want := buyer
	want.Reference = w.reference()
	if orders[0].Buyer != want {
		w.t.Errorf("the shop took the order of %+v, want %+v", orders[0].Buyer, want)
	}
	if got, want := truth.Orders, (demoshop.Orders{Started: 1, Placed: 1}); got != want {
		w.t.Errorf("orders %+v, want %+v", got, want)
	}
	if got, want := truth.Uploads, (demoshop.Uploads{Files: 1, Bytes: 3<<20 + 77}); got != want {
		w.t.Errorf("uploads %+v, want %+v", got, want)
	}
	if s := truth.Sockets; s.Sessions != 1 || s.Messages != 3 || truth.Logins.Attempts != 1 || truth.Logins.Failures != 0 {
		w.t.Errorf("sockets %+v, log-ins %+v, want one session of three messages and one log-in", s, truth.Logins)
	}
	got := outcomes(w.t, w.mall.edge, w.shop)
	if pages := challenges(w.t, w.Answers(), w.shop) + 1; got["page"] != pages || got["passed"] != pages {
		w.t.Errorf("the edge counts %v, want %d pages and as many passes", got, pages)
	}
	if got["returned"] < 2 || got["returned"] > got["passed"] {
		w.t.Errorf("the edge counts %v, want most of the passes returned", got)
	}
	w.t.Logf("outcomes %v", got)
	if said := w.Complaints(); len(said) > 0 {
		w.t.Errorf("the browser complains: %q", said)
	}
}
