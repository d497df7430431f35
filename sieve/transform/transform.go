// Package transform has the transformations of SecLang that the Core Rule Set uses: what
// rules do to a value before they look at it, such as t:urlDecodeUni.
//
// Each is equal to that of Coraza 3.8.1, byte for byte, in what it reads differently from a
// standard as well: the sieve's proof rests on it. Tests in test/sieve hold them to Coraza's
// own. What a transformation leaves as it is costs no memory.
package transform

import (
	"crypto/sha1" //nolint:gosec // rules compare it, nothing is signed
	"encoding/hex"
	"path"
	"strconv"
	"strings"

	"golang.org/x/net/html"

	"github.com/theriac-edge/theriac/sieve/byteset"
)

// Func transforms a value. Whether it has changed something is what Coraza says of it, which
// is not always so; a rule with multiMatch goes on from values that have changed.
type Func func(value string) (result string, changed bool)

// transformation is a Func, and the bytes without which a value stays as it is.
type transformation struct {
	apply Func
	acts  byteset.Set
}

var (
	high   = byteset.Range(0x80, 0xff)
	upper  = byteset.Range('A', 'Z')
	always = byteset.Set{}.Not()
)

// all are the transformations by their names in small letters.
var all = map[string]transformation{
	"base64decode":       {base64Decode, always},
	"cmdline":            {cmdLine, commandBytes.Or(upper)},
	"compresswhitespace": {compressWhitespace, byteset.Of("\t\n\v\f\r \x85\xa0")},
	"cssdecode":          {cssDecode, byteset.Of(`\`)},
	"escapeseqdecode":    {escapeSeqDecode, byteset.Of(`\`)},
	"hexencode":          {hexEncode, always},
	"htmlentitydecode":   {htmlEntityDecode, byteset.Of("&")},
	"jsdecode":           {jsDecode, byteset.Of(`\`)},
	"length":             {length, always},
	"lowercase":          {lowercase, upper.Or(high)},
	"normalisepath":      {normalizePath, byteset.Of("/.")},
	"normalisepathwin":   {normalizePathWin, byteset.Of(`/\.: `)},
	"normalizepath":      {normalizePath, byteset.Of("/.")},
	"normalizepathwin":   {normalizePathWin, byteset.Of(`/\.: `)},
	"removecommentschar": {removeCommentsChar, byteset.Of("/*<-#")},
	"removenulls":        {removeNulls, byteset.Of("\x00")},
	"removewhitespace":   {removeWhitespace, byteset.Of("\t\n\v\f\r ").Or(high)},
	"replacecomments":    {replaceComments, byteset.Of("/")},
	"sha1":               {sha1Sum, always},
	"urldecodeuni":       {urlDecodeUni, byteset.Of("%+")},
	"utf8tounicode":      {utf8ToUnicode, high},
}

// Of returns the transformation with that name in small letters.
func Of(name string) (f Func, ok bool) {
	t, ok := all[name]
	return t.apply, ok
}

// Acts returns the bytes without which the transformation leaves a value as it is. For some
// that is none: they always act, and also on the empty value.
func Acts(name string) (set byteset.Set, isAlways bool) {
	set = all[name].acts
	return set, set == always
}

// Names are all names.
func Names() (names []string) {
	for name := range all {
		names = append(names, name)
	}
	return names
}

func lowercase(value string) (string, bool) {
	small := strings.ToLower(value)
	return small, small != value
}

func length(value string) (string, bool) { return strconv.Itoa(len(value)), true }

func hexEncode(value string) (string, bool) { return hex.EncodeToString([]byte(value)), true }

func sha1Sum(value string) (string, bool) {
	sum := sha1.Sum([]byte(value)) //nolint:gosec // as above
	return string(sum[:]), true
}

// htmlEntityDecode says that nothing has changed if the length is the same.
func htmlEntityDecode(value string) (string, bool) {
	decoded := html.UnescapeString(value)
	return decoded, len(decoded) != len(value)
}

func removeNulls(value string) (string, bool) {
	without := strings.ReplaceAll(value, "\x00", "")
	return without, len(without) != len(value)
}

// normalizePath removes a/../ and the like, and keeps a slash at the end.
func normalizePath(value string) (string, bool) {
	if value == "" {
		return "", false
	}
	clean := path.Clean(value)
	switch {
	case clean == ".":
		return "", true
	case value[len(value)-1] == '/':
		if clean == value[:len(value)-1] {
			return value, false
		}
		clean += "/"
	}
	return clean, clean != value
}
