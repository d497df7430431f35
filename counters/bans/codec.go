package bans

import (
	"encoding/base64"
	"errors"
	"strings"
	"unique"

	"github.com/theriac-edge/theriac/counters/replica"
	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/shop/ban"
	"github.com/theriac-edge/theriac/shop/netkey"
)

// In the map a ban is: id "key:shop", the key in base 64, the shop empty for all of
// them; value "cause rule", or of a lifting the key of the client whose counts are
// to be forgotten.

// keyLetters is how long a key is as text.
var keyLetters = base64.RawURLEncoding.EncodedLen(len(netkey.Key{}))

func keyText(key *netkey.Key) string { return base64.RawURLEncoding.EncodeToString(key[:]) }

func clientText(client *netkey.Key) string {
	if *client == (netkey.Key{}) {
		return ""
	}
	return keyText(client)
}

// id is how a ban is called in the map. Of each key there is one ban a shop and one
// for all.
func id(key netkey.Key, at shop.ID) string { return keyText(&key) + ":" + string(at) }

// value is what the map has of a ban. There are few causes and rules and many bans:
// each text is kept once.
func value(b *ban.Ban) string {
	return unique.Make(b.Cause.String() + " " + ruleName(b.Rule)).Value()
}

var errMalformed = errors.New("malformed ban")

// parse reads an entry of the map.
func parse(e *replica.Entry, lifted bool) (any, error) {
	n := &banNode{Ban: ban.Ban{Told: e.Told, Until: e.Until}, lifted: lifted}
	if e.Until.IsZero() || e.Until.Sub(e.Told) > 2*maxLife {
		return nil, errMalformed // a ban always ends
	}
	if err := n.parseID(e.ID); err != nil {
		return nil, err
	}
	if lifted {
		n.Cause = ban.Manual
		if e.Value == "" {
			return n, nil
		}
		var err error
		n.client, err = parseKey(e.Value)
		return n, err
	}
	cause, rule, _ := strings.Cut(e.Value, " ")
	n.Rule = unique.Make(ruleName(rule)).Value()
	var err error
	if n.Cause, err = ban.ParseCause(cause); err != nil || (n.Cause == ban.Manual) != (e.Priority == replica.Manual) {
		return nil, errMalformed
	}
	e.Value = value(&n.Ban)
	return n, nil
}

// parseID reads what is banned where.
func (n *banNode) parseID(id string) (err error) {
	key, at, ok := strings.Cut(id, ":")
	if !ok {
		return errMalformed
	}
	if n.Key, err = parseKey(key); err != nil || at == "" {
		return err
	}
	if n.Shop, err = shop.ParseID(unique.Make(at).Value()); err != nil {
		return errMalformed
	}
	return nil
}

func parseKey(text string) (key netkey.Key, err error) {
	if len(text) != keyLetters {
		return key, errMalformed
	}
	// The decoder skips line breaks, so a text of the right length may be too short.
	if n, err := base64.RawURLEncoding.Strict().Decode(key[:], []byte(text)); err != nil || n != len(key) {
		return netkey.Key{}, errMalformed
	}
	return key, nil
}
