package counters

import (
	"encoding/base64"
	"errors"
	"strings"
	"time"
	"unique"

	"github.com/theriac-edge/theriac/shop/ban"

	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/shop/netkey"
)

// lifted is the word for a ban that is over, in the place of a cause.
const lifted = "lifted"

// keyLetters is how long a key is as text.
var keyLetters = base64.RawURLEncoding.EncodedLen(len(netkey.Key{}))

func keyText(key *netkey.Key) string { return base64.RawURLEncoding.EncodeToString(key[:]) }

// id is how the place is called in the store.
func (p place) id() string { return keyText(&p.key) + ":" + string(p.at) }

// cause is the word by which the store knows the row, and text what goes with
// it: the rule, or whose counts are to be forgotten.
func (r *row) cause() (word, text string) {
	switch {
	case !r.lifted:
		return r.Cause.String(), r.Rule
	case r.client == netkey.Key{}:
		return lifted, ""
	}
	return lifted, keyText(&r.client)
}

var errLine = errors.New("the store's entry of a ban cannot be read")

// parseBan reads what ban.lua published or returned: "version told age left
// cause id text", times in milliseconds.
func parseBan(line string, now time.Time) (r *row, err error) {
	var n [4]int64
	for i := range n {
		if n[i], line, err = parseNumber(line); err != nil {
			return nil, errLine
		}
	}
	if n[0] == 0 || n[1] == 0 || n[3] == 0 {
		return nil, errLine
	}
	r = &row{version: n[0], stamp: n[1]}
	r.Told, r.Until = now.Add(-millis(n[2])), now.Add(min(millis(n[3]), maxBanLife))
	word, line, _ := strings.Cut(line, " ")
	id, text, ok := strings.Cut(line, " ")
	if !ok {
		return nil, errLine
	}
	if err := r.parseID(id); err != nil {
		return nil, err
	}
	if r.lifted = word == lifted; r.lifted {
		r.Cause = ban.Manual
		if text != "" {
			r.client, err = parseKey(text)
		}
		return r, err
	}
	r.Rule = unique.Make(ruleName(text)).Value()
	if r.Cause, err = ban.ParseCause(word); err != nil {
		return nil, errLine
	}
	return r, nil
}

// parseID reads who is banned where. There are few shops and rules and many
// bans: each name is kept once.
func (r *row) parseID(id string) (err error) {
	key, at, ok := strings.Cut(id, ":")
	if !ok {
		return errLine
	}
	if r.Key, err = parseKey(key); err != nil || at == "" {
		return err
	}
	at = unique.Make(at).Value()
	if r.Shop, err = shop.ParseID(at); err != nil {
		return errLine
	}
	return nil
}

func parseKey(text string) (key netkey.Key, err error) {
	if len(text) != keyLetters {
		return key, errLine
	}
	if _, err := base64.RawURLEncoding.Strict().Decode(key[:], []byte(text)); err != nil {
		return netkey.Key{}, errLine
	}
	return key, nil
}
