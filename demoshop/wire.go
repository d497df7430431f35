package demoshop

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
)

// maxBody is the largest form or JSON document that the shop reads.
const maxBody = 64 << 10

// problem is how a machine is told what was wrong.
type problem struct {
	Error string `json:"error"`
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	body = append(body, '\n')
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	h.Set("X-Content-Type-Options", "nosniff")
	if h.Get("Cache-Control") == "" {
		h.Set("Cache-Control", "no-store")
	}
	w.WriteHeader(status)
	w.Write(body)
}

// readBody reads a machine's whole body, or answers why not.
func readBody(w http.ResponseWriter, r *http.Request) ([]byte, bool) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if isTooLarge(err) {
		writeJSON(w, http.StatusRequestEntityTooLarge, problem{"body is too large"})
		return nil, false
	}
	if err != nil {
		writeJSON(w, http.StatusBadRequest, problem{"reading body: " + err.Error()})
		return nil, false
	}
	return body, true
}

// readForm reads a visitor's form into r.PostForm, or answers why not.
func (s *Shop) readForm(w http.ResponseWriter, r *http.Request) bool {
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	err := r.ParseForm()
	if isTooLarge(err) {
		s.message(w, r, http.StatusRequestEntityTooLarge, "too_large")
		return false
	}
	if err != nil {
		s.message(w, r, http.StatusBadRequest, "bad_form")
		return false
	}
	return true
}

func isTooLarge(err error) bool {
	_, ok := errors.AsType[*http.MaxBytesError](err)
	return ok || errors.Is(err, errTooLarge)
}

func (s *Shop) cookieName(what string) string { return s.config.Slug + "_" + what }

func cookie(r *http.Request, name string) string {
	c, err := r.Cookie(name)
	if err != nil {
		return ""
	}
	return c.Value
}

// setCookie keeps value for maxAge seconds; 0 is until the browser closes.
func (s *Shop) setCookie(w http.ResponseWriter, r *http.Request, name, value string, maxAge int) {
	http.SetCookie(w, &http.Cookie{
		Name:     name,
		Value:    value,
		Path:     "/",
		MaxAge:   maxAge,
		HttpOnly: true,
		Secure:   r.TLS != nil || r.Header.Get("X-Forwarded-Proto") == "https",
		SameSite: http.SameSiteLaxMode,
	})
}
