package demoshop

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"mime/multipart"
	"net/http"
	"strings"
)

// receipt proves to a customer, and to a test, that a prescription arrived
// byte by byte.
type receipt struct {
	Name   string `json:"name"`
	Type   string `json:"type"` // sniffed, not as declared
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
}

func (s *Shop) prescriptionForm(w http.ResponseWriter, r *http.Request) {
	s.render(w, r, http.StatusOK, "prescription.html", "prescription", receipt{})
}

// prescription reads the file named "prescription" of a multipart form. The
// file is hashed as it comes in and not kept; files of any type are accepted.
func (s *Shop) prescription(w http.ResponseWriter, r *http.Request) {
	const aroundFile = 64 << 10
	r.Body = http.MaxBytesReader(w, r.Body, s.config.UploadLimit+aroundFile)
	got, err := readPrescription(r, s.config.UploadLimit)
	if isTooLarge(err) {
		s.message(w, r, http.StatusRequestEntityTooLarge, "too_large")
		return
	}
	if err != nil {
		s.message(w, r, http.StatusBadRequest, "bad_form")
		return
	}
	s.tally.mu.Lock()
	s.tally.uploads.Files++
	s.tally.uploads.Bytes += got.Bytes
	s.tally.mu.Unlock()
	if strings.Contains(r.Header.Get("Accept"), "text/html") {
		s.render(w, r, http.StatusOK, "prescription.html", "prescription", got)
		return
	}
	writeJSON(w, http.StatusOK, got)
}

var (
	errTooLarge = errors.New("reading prescription: file is too large")
	errNoFile   = errors.New("reading prescription: no file")
)

func readPrescription(r *http.Request, limit int64) (receipt, error) {
	form, err := r.MultipartReader()
	if err != nil {
		return receipt{}, err
	}
	for {
		part, err := form.NextPart()
		if errors.Is(err, io.EOF) {
			return receipt{}, errNoFile
		}
		if err != nil {
			return receipt{}, err
		}
		if part.FormName() == "prescription" && part.FileName() != "" {
			return hashPart(part, limit)
		}
	}
}

func hashPart(part *multipart.Part, limit int64) (receipt, error) {
	sum := sha256.New()
	var head start
	n, err := io.Copy(io.MultiWriter(sum, &head), io.LimitReader(part, limit+1))
	switch {
	case err != nil:
		return receipt{}, err
	case n == 0:
		return receipt{}, errNoFile
	case n > limit:
		return receipt{}, errTooLarge
	}
	return receipt{
		Name:   part.FileName(),
		Type:   http.DetectContentType(head),
		Bytes:  n,
		SHA256: hex.EncodeToString(sum.Sum(nil)),
	}, nil
}

// start keeps the first bytes written to it, enough to tell the file's type.
type start []byte

func (s *start) Write(p []byte) (int, error) {
	*s = append(*s, p[:min(len(p), 512-len(*s))]...)
	return len(p), nil
}
