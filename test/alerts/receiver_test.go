package alerts

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// What no log, status, metric or error may have.
const (
	secretPath = "/T0SECRET/B0PATH"
	signingKey = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
)

// A receiver takes Theriac's own format. It answers 401 to what is not signed, and answers
// what it is told to.
type receiver struct {
	url string

	mu     sync.Mutex
	status int // 0: takes all
	forged int
	tries  int
	took   []string // kind and incident, or type, of what it took
	bodies []string
}

func newReceiver(t testing.TB) *receiver {
	t.Helper()
	r := new(receiver)
	server := httptest.NewServer(r)
	t.Cleanup(server.Close)
	r.url = server.URL + secretPath
	return r
}

// ServeHTTP answers one POST.
func (r *receiver) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	body, _ := io.ReadAll(request.Body)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.tries++
	r.bodies = append(r.bodies, string(body))
	switch {
	case !isSigned(signingKey, request.Header, body):
		r.forged++
		w.WriteHeader(http.StatusUnauthorized)
	case r.status != 0:
		w.Header().Set("Retry-After", "1")
		w.WriteHeader(r.status)
	default:
		r.took = append(r.took, nameOf(body))
	}
}

// isSigned verifies as https://github.com/standard-webhooks/standard-webhooks says.
func isSigned(secret string, h http.Header, body []byte) bool {
	key, err := base64.StdEncoding.DecodeString(secret)
	at, errAt := strconv.ParseInt(h.Get("Webhook-Timestamp"), 10, 64)
	if err != nil || errAt != nil || time.Since(time.Unix(at, 0)).Abs() > 5*time.Minute {
		return false
	}
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(h.Get("Webhook-Id") + "." + h.Get("Webhook-Timestamp") + "."))
	mac.Write(body)
	want := "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
	return slices.ContainsFunc(strings.Fields(h.Get("Webhook-Signature")), func(one string) bool {
		return hmac.Equal([]byte(one), []byte(want))
	})
}

func nameOf(body []byte) string {
	var m struct {
		Type string
		Data struct{ Kind, Incident string }
	}
	if err := json.Unmarshal(body, &m); err != nil || m.Data.Kind == "" {
		return m.Type
	}
	return m.Data.Kind + " " + m.Data.Incident
}

func (r *receiver) answer(status int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.status = status
}

// seen returns how often it was asked, and what it took, sorted.
func (r *receiver) seen() (tries int, took []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.tries, slices.Sorted(slices.Values(r.took))
}

// TestSignatures: the receiver of these tests refuses what is not signed by its key.
func TestSignatures(t *testing.T) {
	h := http.Header{}
	h.Set("Webhook-Id", "msg_1")
	h.Set("Webhook-Timestamp", strconv.FormatInt(time.Now().Unix(), 10))
	key, err := base64.StdEncoding.DecodeString(signingKey)
	if err != nil {
		t.Fatal(err)
	}
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte("msg_1." + h.Get("Webhook-Timestamp") + ".body"))
	h.Set("Webhook-Signature", "v1,b3RoZXI= v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	if !isSigned(signingKey, h, []byte("body")) {
		t.Error("what is signed is refused")
	}
	if isSigned(signingKey, h, []byte("body2")) || isSigned("b"+signingKey[1:], h, []byte("body")) {
		t.Error("another body or key is taken")
	}
	h.Set("Webhook-Timestamp", strconv.FormatInt(time.Now().Add(-time.Hour).Unix(), 10))
	if isSigned(signingKey, h, []byte("body")) {
		t.Error("an old message is taken")
	}
}
