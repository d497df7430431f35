package browser

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// An edge challenges in front of a shop that says what it got.
type edge struct {
	*httptest.Server
	page *Page

	// What to do otherwise than usual; set before the first request.
	policy    string // instead of that of the page
	expired   int    // answers to call expired
	capped    int    // answers to refuse because the subnet is over its limit
	capTokens int    // fresh tokens to refuse for the same reason
	broken    bool   // refuses all answers
	noScript  bool   // its script has a mistake, as new words are to an old browser
	threshold uint32
	delay     int

	mu     sync.Mutex
	open   map[string]bool // tokens that were given out and not yet used
	counts map[string]int
	millis []int // that visitors say it took them
}

const parts = 32

func newEdge(t *testing.T, change func(*edge)) *edge {
	t.Helper()
	e := &edge{page: NewPage(loewen, 0), threshold: 1 << 20, delay: 30, open: map[string]bool{}, counts: map[string]int{}}
	if change != nil {
		change(e)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+ChallengePath, e.judge)
	mux.HandleFunc("GET "+ChallengePath, e.challenge)
	mux.HandleFunc("GET "+PassPath, e.pass)
	mux.HandleFunc("GET "+WaitPath, e.waited)
	mux.HandleFunc("GET "+SnippetPath, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/javascript")
		_, _ = w.Write(Snippet)
	})
	mux.HandleFunc("/", e.shop)
	e.Server = httptest.NewServer(mux)
	t.Cleanup(e.Close)
	return e
}

// count counts, and reports how often that has happened.
func (e *edge) count(what string) int {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.counts[what]++
	return e.counts[what]
}

func (e *edge) counted(what string) int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.counts[what]
}

// issue makes a challenge, with what the page reads of it in its place.
func (e *edge) issue() string {
	var token [44]byte
	_, _ = rand.Read(token[:])
	token[2] = parts
	e.mu.Lock()
	defer e.mu.Unlock()
	binary.BigEndian.PutUint32(token[4:], e.threshold)
	text := base64.RawURLEncoding.EncodeToString(token[:])
	e.open[text] = true
	return text
}

// judge takes answers.
func (e *edge) judge(w http.ResponseWriter, r *http.Request) {
	answer := func(status int, body string) {
		e.count(strconv.Itoa(status))
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
	body, _ := io.ReadAll(r.Body)
	fields := strings.Split(string(body), ".")
	if len(fields) != 3 || !strings.HasPrefix(r.Header.Get("Content-Type"), "text/plain") {
		answer(http.StatusBadRequest, `{"error":"malformed"}`)
		return
	}
	tried := e.count("judged")
	e.mu.Lock()
	known := e.open[fields[0]]
	millis, err := strconv.Atoi(fields[2])
	e.millis = append(e.millis, millis)
	e.mu.Unlock()
	switch {
	case !known || err != nil || !solved(fields[0], fields[1]):
		answer(http.StatusConflict, `{"error":"wrong"}`)
	case e.broken:
		answer(http.StatusInternalServerError, "")
	case tried <= e.expired:
		answer(http.StatusConflict, `{"error":"expired"}`)
	case tried <= e.capped:
		e.limited(w)
	default:
		e.mu.Lock()
		delete(e.open, fields[0])
		e.mu.Unlock()
		w.Header().Set("Set-Cookie", "pass=yes; Path=/; HttpOnly; SameSite=Lax")
		answer(http.StatusNoContent, "")
	}
}

func (e *edge) limited(w http.ResponseWriter) {
	e.count("429")
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusTooManyRequests)
	_, _ = io.WriteString(w, `{"error":"capped","retry_after":1}`)
}

// solved checks all answers, in the words of the contract.
func solved(token, answers string) bool {
	sealed, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil {
		return false
	}
	nonces, err := base64.RawURLEncoding.DecodeString(answers)
	if err != nil || len(nonces) != 4*parts {
		return false
	}
	for i := range parts {
		message := binary.BigEndian.AppendUint32(sealed[:44:44], uint32(i))
		sum := sha256.Sum256(append(message, nonces[4*i:4*i+4]...))
		if binary.BigEndian.Uint32(sum[:]) >= binary.BigEndian.Uint32(sealed[4:]) {
			return false
		}
	}
	return true
}

func (e *edge) challenge(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Accept") == "application/json" {
		if tried := e.count("begged"); tried <= e.capTokens {
			e.limited(w)
			return
		}
		e.count("renewed")
		_ = json.NewEncoder(w).Encode(map[string]any{"token": e.issue(), "wait": e.delay})
		return
	}
	e.send(w, r, e.page.Policy())
}

func (e *edge) pass(w http.ResponseWriter, r *http.Request) {
	w.WriteHeader(map[bool]int{true: http.StatusNoContent, false: http.StatusForbidden}[passed(r)])
}

func (e *edge) waited(w http.ResponseWriter, r *http.Request) {
	e.count("waited")
	http.SetCookie(w, &http.Cookie{Name: "pass", Value: "yes", Path: "/"})
	http.Redirect(w, r, r.FormValue("to"), http.StatusSeeOther)
}

func passed(r *http.Request) bool {
	_, err := r.Cookie("pass")
	return err == nil
}

// send answers with the page.
func (e *edge) send(w http.ResponseWriter, r *http.Request, policy string) {
	e.count("pages")
	if e.policy != "" {
		policy = e.policy
	}
	header := w.Header()
	header.Set("Content-Type", "text/html; charset=utf-8")
	header.Set("Content-Security-Policy", policy)
	header.Set("Cache-Control", "no-store")
	header.Set(ChallengeHeader, ChallengePath)
	values := &Values{Token: e.issue(), Reference: "efr3-yz60", Delay: e.delay, Wait: WaitPath + "?t=1&to="}
	if r.Method == http.MethodGet {
		values.Wait += r.URL.Path
	}
	if e.noScript {
		header.Set("Content-Security-Policy", "script-src 'unsafe-inline'")
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = w.Write(bytes.Replace(e.page.Append(nil, values), []byte("<script>("), []byte("<script>word word("), 1))
		return
	}
	header.Set("Content-Encoding", "gzip")
	w.WriteHeader(http.StatusServiceUnavailable)
	_, _ = w.Write(e.page.AppendGzip(nil, values))
}

// shop is open to all, or to those with a pass.
func (e *edge) shop(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.URL.Path == "/favicon.ico":
		http.NotFound(w, r)
	case r.URL.Path == "/open":
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprintf(w, `<!doctype html><title>shop</title><script src=%q></script>
			<form method="post" action="/order" enctype="multipart/form-data"><input name="n" value="5 ö"><button>order</button></form>`, SnippetPath)
	case passed(r):
		body, _ := io.ReadAll(r.Body)
		e.count("arrived")
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprintf(w, "<!doctype html><title>shop</title><pre id=arrived>%s %s %s</pre>", r.Method, r.URL.Path, body)
	case r.Header.Get("Sec-Fetch-Mode") == "navigate":
		_, _ = io.Copy(io.Discard, r.Body)
		e.send(w, r, e.page.Policy())
	default:
		e.count("asked")
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set(ChallengeHeader, ChallengePath)
		http.Error(w, `{"error":"challenge_required"}`, http.StatusTooManyRequests)
	}
}
