package replica

import (
	"errors"
	"strconv"
	"strings"
	"time"
)

var errMalformed = errors.New("malformed entry of the replicated map")

// letters are the priorities as the store has them; of deletions in capitals.
const letters = "am"

// letter returns the entry's priority as the store has it.
func (e *entry) letter() string {
	letter := letters[e.priority : e.priority+1]
	if e.deleted {
		return strings.ToUpper(letter)
	}
	return letter
}

// parseLine reads what set.lua published or returned: "version told age left
// priority kind/id value", times in milliseconds. Nothing is left of an entry that is
// over. Without an error the version is
// right even if the kind is nil: one that this edge does not know.
func (m *Map) parseLine(line string, now int64) (k *kind, e *entry, err error) {
	var n [4]int64
	for i := range n {
		if n[i], line, err = parseNumber(line); err != nil {
			return nil, nil, errMalformed
		}
	}
	letter, line, _ := strings.Cut(line, " ")
	field, value, ok := strings.Cut(line, " ")
	name, id, slash := strings.Cut(field, "/")
	if !ok || !slash || n[0] == 0 || n[1] == 0 || len(letter) != 1 || id == "" || len(id) > MaxID || len(value) > MaxValue {
		return nil, nil, errMalformed
	}
	priority := strings.Index(letters, strings.ToLower(letter))
	if priority < 0 || strings.ContainsRune(id, '\n') {
		return nil, nil, errMalformed
	}
	e = &entry{
		id: id, value: value, priority: Priority(priority), deleted: letter < "a",
		version: n[0], stamp: n[1], ends: n[1] + n[2] + n[3],
		told: now - int64(cut(n[2])), until: now + int64(cut(n[3])),
	}
	if k = m.kinds[name]; k == nil {
		return nil, e, nil
	}
	if m.parse(k, e) != nil {
		return nil, nil, errMalformed
	}
	return k, e, nil
}

// parseNumber reads a whole number and the space behind it.
func parseNumber(text string) (n int64, rest string, err error) {
	digits, rest, ok := strings.Cut(text, " ")
	n, err = strconv.ParseInt(digits, 10, 64)
	if !ok || err != nil || n < 0 {
		return 0, "", errMalformed
	}
	return n, rest, nil
}

// cut makes a time of milliseconds; what is longer than forever is cut.
func cut(n int64) time.Duration {
	return time.Duration(min(n, int64(forever/time.Millisecond))) * time.Millisecond
}
