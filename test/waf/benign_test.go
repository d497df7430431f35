package waf

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/theriac-edge/theriac/test/benign"
	"github.com/theriac-edge/theriac/test/edge"
	"github.com/theriac-edge/theriac/test/kit"
	"github.com/theriac-edge/theriac/test/need"
)

// TestBenign sends what shops are asked for all day. A shop with the default
// settings gets all of it; one without the preset loses every fourth request.
func TestBenign(t *testing.T) {
	need.Time(t)
	requests, err := benign.Read("../benign/testdata")
	if err != nil {
		t.Fatal(err)
	}
	shop := kit.NewBackend(t)
	bare := need.Addr(t)
	guarded := func(name, words string) string {
		return "shop_visit " + name + "\nshop_waf " + name + " {\n\twaf {\n\t\ttime 1h\n" + kit.Indent(words, 2) + "\t}\n}\nshop_backend " + shop.Addr +
			"\nhandle_errors {\n\trespond {err.id}\n}\n"
	}
	e := edge.Start(t, kit.Global("")+kit.Site(kit.AnyHost, guarded("loewen", ""))+kit.Site(":"+kit.PortOf(bare), guarded("bare", "preset off")))

	refusals := sendBenign(t, e.Addr, requests)
	for i, reference := range refusals {
		if reference != "" {
			t.Errorf("%s: %s: refused%s", requests[i].Where, requests[i].Title, why(t, e, reference))
		}
	}
	if got, want := shop.Requests.Load(), int64(len(requests)); got != want || want < 1200 {
		t.Errorf("%d requests reached the shop, want %d, and 1200 at the least", got, want)
	}

	if lost := count(sendBenign(t, bare, requests)); lost < 300 {
		t.Errorf("without the preset only %d of %d are refused: the corpus proves little", lost, len(requests))
	}
}

func count(refusals []string) (n int) {
	for _, reference := range refusals {
		if reference != "" {
			n++
		}
	}
	return n
}

// sendBenign returns for each request under which reference it was refused.
func sendBenign(t *testing.T, addr string, requests []benign.Request) []string {
	t.Helper()
	refusals := make([]string, len(requests))
	var group sync.WaitGroup
	turns := make(chan struct{}, 4)
	for i := range requests {
		turns <- struct{}{}
		group.Go(func() {
			defer func() { <-turns }()
			status, answer, err := exchangeAll(addr, requests[i].Bytes())
			switch {
			case err != nil:
				t.Errorf("%s: %v", requests[i].Where, err)
			case status != http.StatusOK:
				refusals[i] = fmt.Sprintf("%s status %d", answer, status)
			}
		})
	}
	group.Wait()
	return refusals
}

// exchangeAll sends bytes on a connection of their own and reads the answer.
func exchangeAll(addr string, request []byte) (status int, answer string, err error) {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return 0, "", err
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(time.Minute))
	go func() { _, _ = conn.Write(request) }() // the edge may answer before it has all
	method, _, _ := bytes.Cut(request, []byte(" "))
	response, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: string(method)})
	if err != nil {
		return 0, "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return response.StatusCode, string(body), err
}

// why are the rules and fields of a refusal, as operators get them from
// `theriac shield waf explain`.
func why(t *testing.T, e *edge.Edge, refusal string) string {
	t.Helper()
	reference, _, _ := strings.Cut(refusal, " ")
	question, _ := json.Marshal(map[string]string{"reference": reference}) // strings
	response, err := http.Post("http://"+e.Admin+"/shield/explain", "application/json", bytes.NewReader(question))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var told struct {
		Shops map[string][]struct{ Says string }
	}
	if err := json.NewDecoder(response.Body).Decode(&told); err != nil {
		return ", " + refusal
	}
	for _, facts := range told.Shops {
		for _, fact := range facts {
			refusal += "\n\t" + fact.Says
		}
	}
	return ", " + refusal
}
