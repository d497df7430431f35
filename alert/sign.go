package alert

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/theriac-edge/theriac/hint"
)

// The bounds of a secret, by the specification of Standard Webhooks.
const (
	minSecret = 24
	maxSecret = 64
)

// parseSecret reads a key of Standard Webhooks: base64, after "whsec_" or without.
func parseSecret(text string) ([]byte, error) {
	const try = "make one with: openssl rand -base64 32"
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(text, "whsec_"))
	if err != nil {
		return nil, hint.New(errors.New("a secret must be base64, with whsec_ in front or without"), try)
	}
	if len(key) < minSecret || len(key) > maxSecret {
		return nil, hint.New(errors.New("a secret must have 24 to 64 bytes in base64"), try)
	}
	return key, nil
}

// sign adds the headers of Standard Webhooks
// (https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md):
// one signature for each key, so that a receiver that knows any one of them can verify.
func sign(h http.Header, keys [][]byte, id string, now time.Time, body []byte) {
	if len(keys) == 0 {
		return
	}
	at := strconv.FormatInt(now.Unix(), 10)
	signatures := make([]string, len(keys))
	for i, key := range keys {
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(id + "." + at + "."))
		mac.Write(body)
		signatures[i] = "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
	}
	h.Set("webhook-id", id)
	h.Set("webhook-timestamp", at)
	h.Set("webhook-signature", strings.Join(signatures, " "))
}

// messageID names a message by the changes in it. It is the same in every try and on every
// edge, and has no dot: the signed text has dots between its parts.
func messageID(ids ...string) string {
	sum := sha256.New()
	for _, id := range ids {
		sum.Write([]byte(strconv.Itoa(len(id)) + " " + id))
	}
	return "msg_" + hex.EncodeToString(sum.Sum(nil)[:16])
}
