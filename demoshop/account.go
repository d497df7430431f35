package demoshop

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"strings"
	"sync"
)

const maxSessions = 50_000

// sessions maps session cookies to customers.
type sessions struct {
	mu    sync.Mutex
	email *bounded[string, string]
}

func newSessions() *sessions { return &sessions{email: newBounded[string, string](maxSessions)} }

func (s *sessions) open(email string) (id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	id = rand.Text()
	s.email.put(id, email)
	return id
}

func (s *sessions) emailOf(id string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	email, _ := s.email.get(id)
	return email
}

func (s *sessions) end(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.email.remove(id)
}

// signedIn returns the visitor's e-mail address, if we know it.
func (s *Shop) signedIn(r *http.Request) string {
	return s.sessions.emailOf(cookie(r, s.cookieName("session")))
}

// loginBody is what login.html shows.
type loginBody struct {
	Email  string
	Failed bool
}

func (s *Shop) loginForm(w http.ResponseWriter, r *http.Request) {
	s.render(w, r, http.StatusOK, "login.html", "sign_in", loginBody{})
}

// login answers a wrong password with 401 and the form, so that an edge can
// see what a guesser sees.
func (s *Shop) login(w http.ResponseWriter, r *http.Request) {
	if !s.readForm(w, r) {
		return
	}
	email := strings.TrimSpace(r.PostForm.Get("email"))
	s.tally.add(&s.tally.logins.Attempts, 1)
	if !s.knows(email, r.PostForm.Get("password")) {
		s.tally.add(&s.tally.logins.Failures, 1)
		s.render(w, r, http.StatusUnauthorized, "login.html", "sign_in", loginBody{email, true})
		return
	}
	s.setCookie(w, r, s.cookieName("session"), s.sessions.open(email), 0)
	http.Redirect(w, r, "/account", http.StatusSeeOther)
}

// knows takes the same time for a wrong address as for a wrong password.
func (s *Shop) knows(email, password string) bool {
	want, ok := s.config.Accounts[email]
	return sameSecret(password, want) && ok
}

func sameSecret(a, b string) bool {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1
}

func (s *Shop) logout(w http.ResponseWriter, r *http.Request) {
	s.sessions.end(cookie(r, s.cookieName("session")))
	s.setCookie(w, r, s.cookieName("session"), "", -1)
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

func (s *Shop) account(w http.ResponseWriter, r *http.Request) {
	email := s.signedIn(r)
	if email == "" {
		http.Redirect(w, r, "/account/login", http.StatusSeeOther)
		return
	}
	// Anyone may write any address into a checkout form: only orders from this
	// browser's cart are shown.
	id := s.cartID(r)
	mine := s.book.list(func(o Order) bool { return o.Email == email && o.owner == id })
	s.render(w, r, http.StatusOK, "account.html", "account", mine)
}
