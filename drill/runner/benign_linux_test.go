package runner

import (
	"context"
	"fmt"
	"testing"

	"github.com/theriac-edge/theriac/drill/record"
	"github.com/theriac-edge/theriac/drill/world"
	"github.com/theriac-edge/theriac/test/chrome"
	"github.com/theriac-edge/theriac/test/need"
)

// benign is newsletter, tv-spot and ordinary-day at once, in short: at sonnen, which is new
// to the edges, a spot; at loewen a newsletter of five times the usual; at mond a day; and
// backends that stop for a moment meanwhile. The last two shops are the control: the same
// newsletter, with readers that load no pictures and keep no stamps, and the crawler as
// fast as a flood.
const benign = `
name: benign
for: 16s
shops: [{name: loewen, usual: 1/s}, {name: sonnen, workers: 4}, {name: mond, usual: 0.5/s}, {name: bare}, {name: crawled}]
customers: {arrive: 0.3/s, known: 45%, addresses: 4000}
crowds:
  - {name: spot, at: 1s, for: 7s, shop: sonnen, arrive: {from: 11/s, to: 6/s, over: 7s}, known: 0%, buy: 5%}
  - {name: evening, at: 3s, for: 9s, shop: mond, arrive: {from: 1/s, to: 0.1/s, over: 9s}}
  - {name: newsletter, at: 7s, for: 7s, shop: loewen, arrive: {from: 5/s, to: 2/s, over: 7s}, known: 60%, buy: 10%}
  - {name: bare newsletter, at: 7s, for: 7s, shop: bare, arrive: 7/s, known: 60%, buy: 10%, pictures: false, stamps: false}
waves:
  - {name: crawler, at: 0s, for: 16s, shop: mond, vector: get, rate: 1/s, from: 3, agent: ExampleBot/2.1}
  - {name: price comparer, at: 4s, for: 8s, shop: mond, vector: get, paths: [/product/1, /product/2], rate: 3/s, from: 2, agent: preisvergleich/3.0}
  - {name: fast crawler, at: 10s, for: 5s, shop: crawled, vector: get, rate: 40/s, from: 60, agent: ExampleBot/2.1}
chaos:
  - {at: 10s, do: stop shops, for: 1500ms}
`

// What is no attack is not taken for one: no level above 1, nobody challenged, no incident;
// neither at a shop whose usual visitors the edges know nor at a new one, nor for people
// with real browsers. The same without pictures and stamps is an attack.
//
// A crowd that overloads its shop is another matter, and so is a machine that starves it:
// then the run says nothing, and is repeated.
func TestNobodyAttacks(t *testing.T) {
	need.Time(t)
	browser := chrome.Start(t, chrome.Options{})
	for try := 1; ; try++ {
		run := readersOf(t, browser)
		served := true
		for _, s := range run.Shops {
			served = served && s.Success() >= 0.97
		}
		if served || try == 3 {
			judgeBenign(t, run)
			return
		}
		t.Logf("try %d: the machine did not serve the customers: %+v", try, run.Generator)
	}
}

// readersOf runs benign, with two people that have real browsers.
func readersOf(t *testing.T, browser *chrome.Browser) *record.Run {
	t.Helper()
	d := drillOf(t, benign)
	type end struct {
		run *record.Run
		err error
	}
	ended, shop, read := make(chan end, 1), make(chan string, 1), make(chan struct{})
	d.Beside = func(ctx context.Context, url func(string) string) error {
		shop <- url("loewen")
		select {
		case <-read:
		case <-ctx.Done():
		}
		return nil
	}
	go func() {
		run, err := d.In(t.Context(), world.Shield)
		ended <- end{run, err}
	}()
	select {
	case base := <-shop:
		func() {
			defer close(read) // also if a browser fails
			for i := range 2 {
				readNewsletter(t, browser.Visit(t), base, fmt.Sprint("chromium-", i))
			}
		}()
	case e := <-ended:
		t.Fatal(e.err)
	}
	e := <-ended
	if e.err != nil {
		t.Fatal(e.err)
	}
	return e.run
}

func judgeBenign(t *testing.T, run *record.Run) {
	t.Helper()
	incidents := map[string]int{}
	for _, i := range run.Incidents {
		incidents[i.Shop]++
	}
	for _, s := range run.Shops {
		v := s.Visits
		t.Logf("%s: level %d, %d incidents, %d of %d customers challenged, %.3f of pages good", s.Name, s.Top(), incidents[s.Name], v.Challenged, v.Begun, s.Success())
		switch control := s.Name == "bare" || s.Name == "crawled"; {
		case control && incidents[s.Name] == 0:
			t.Errorf("the control: %s has no incident", s.Name)
		case !control && (s.Top() > 1 || incidents[s.Name] > 0 || v.Challenged > 0 || s.Refused() > 0):
			t.Errorf("%s is taken for attacked: level %d, %d incidents, %d customers challenged, %d pages refused", s.Name, s.Top(), incidents[s.Name], v.Challenged, s.Refused())
		}
	}
}

// readNewsletter follows its link with a browser, and orders what it finds.
func readNewsletter(t *testing.T, tab *chrome.Tab, base, reference string) {
	t.Helper()
	tab.Go(base + "/?utm_source=newsletter&utm_medium=email")
	tab.Click(".card h3 a")
	tab.Click("article.product form button")
	tab.See("table.lines")
	if loaded := chrome.Eval[bool](tab, `[...document.images].every((i) => i.complete && i.naturalWidth > 0)`); !loaded {
		t.Error("the browser lacks pictures")
	}
	tab.Go(base + "/checkout")
	tab.See("#reference")
	tab.Fill(map[string]string{"#name": "Erika Mustermann", "#email": "erika@example.org", "#street": "Heidestraße 17", "#zip": "51147", "#city": "Köln", "#reference": reference})
	tab.Click("form.split button.full")
	tab.Await(`location.pathname === "/checkout/done" && document.querySelector(".facts")`)
	assets := 0
	for _, a := range tab.Answers() {
		if a.Status >= 400 {
			t.Errorf("a browser got %s", a)
		}
		if a.Kind != "Document" {
			assets++
		}
	}
	if assets < 10 {
		t.Errorf("a browser loaded %d pictures and styles", assets)
	}
}
