package shape

import (
	_ "embed" // the words of shells
	"strings"
	"sync"
)

// Programs, commands and their short forms that customers do not write: the words that
// the rules against command lines look for, without those of spoken.
//
//go:embed programs.txt
var programs string

const (
	// What is a program to a shell, and a word, a name or a product to everybody else.
	spoken = `aa alias alpine arch assoc axel batch bridge cancel cargo cli clp cls column comm composer compress control crash
		dash dialog diff done echo eqn excel expand expect explorer export expr facter fc fetch fg file find finger
		fish fl flock fmt fold ft function fw gal genie gi gl gm goto gp gps gpt gu gv hash head hh highlight history hup ii
		install ise java jetpack join kill last latex locate look lynx mail make microsoft mount mp mtr nano ni node nv
		octave offline parted paste patch perf perl perms pester pg pico ping post print psr puppet rake raku remote rename
		repeat replace ri route rp ruby rv sal san sash sched screen script sed service set sfc sl sleep snap sort sp split
		squirrel strings sudocrem sv tac tail task tbl te touch tracker update url view w wab wall wc wfc who wish yarn yelp
		yum`

	// The same, and what follows is a program, too.
	wrappers = "builtin chef command env eval foreach nice time timeout trap watch"

	// Programs of Windows of two letters, in capitals, too.
	capitals = "cd md rd sc wt"

	// What statements in SQL begin with, and what distinguishes them from sentences.
	verbs    = "create desc load select"
	keywords = "as database from function index into procedure schema set sysobjects table user values view where"
)

// sense is what a word means to a shell or to a database.
type sense uint8

const (
	isProgram sense = 1 << iota
	isSpoken
	isWrapper
	isVerb
	isKeyword
	isCapital
)

var senses = sync.OnceValue(func() map[string]sense {
	all := make(map[string]sense, 1<<10)
	for _, list := range []struct {
		words string
		sense sense
	}{
		{programs, isProgram},
		{spoken, isSpoken},
		{wrappers, isSpoken | isWrapper},
		{verbs + " replace update", isSpoken | isVerb},
		{keywords, isKeyword},
		{capitals, isCapital},
		{"alter delete drop insert md rd reg sc shell truncate wt", isProgram},
	} {
		for word := range strings.FieldsSeq(list.words) {
			all[word] |= list.sense
		}
	}
	return all
})

// commands reads a text as shells do, and tells what stands where they expect a program:
// at the beginning, behind ; & | and at the beginning of a line.
type commands struct {
	spoken  bool // a word that is a program as well
	program bool // nothing but a program

	senses        map[string]sense
	at            bool // a program is expected
	deep          bool // a wrapper has been read in this line, and a program may stand anywhere
	next          bool // it was the last word
	verb          bool // SQL has begun
	joined        bool // & or | stands before the word
	single        bool // the text has one line: a table with ; between its columns has more
	tight         bool // ; stands right before the word, as people do not set it
	led           bool // ; & or | stands before the first word: it ends a line into which a shop puts the text
	word          [16]byte
	length, upper int // of the word; more than it can hold if it is longer
}

// commandsOf reads a text in one pass, and allocates nothing.
func commandsOf(text string) (spoken, program bool) {
	c := commands{senses: senses(), at: true, single: !strings.Contains(text, "\n"), led: strings.IndexAny(strings.TrimLeft(text, " "), ";&|") == 0}
	for i := 0; i < len(text) && !c.program; i++ {
		switch char := text[i]; {
		case 'a' <= char && char <= 'z', '0' <= char && char <= '9', char == '_', char == '+', char >= 0x80:
			c.add(char)
		case 'A' <= char && char <= 'Z':
			c.upper++
			c.add(char | 0x20)
		case char == '\'', char == '"', char == '^', char == '\\', char == '[', char == ')': // shells read p'e'rl as perl
		default:
			c.end()
			if char != ' ' {
				c.joined = char == '&' || char == '|'
			}
			c.tight = c.single && char == ';'
			switch char {
			case '\n', '\r':
				c.at, c.deep, c.next, c.verb = true, false, false, false
			case ';', ',', '.', ':', '!', '?':
				c.at, c.next = char == ';' || c.at, false
			case '&', '|', '(', '{', '=', '`', '$', '/':
				c.at = true
			}
		}
	}
	c.end()
	return c.spoken, c.program
}

func (c *commands) add(char byte) {
	if c.length < len(c.word) {
		c.word[c.length] = char
	}
	c.length++
}

// end looks at the word that has ended. Two capitals are a place or a club, as in
// Lindenweg 7; HH: to most systems, they are no program. To Windows some are, behind & and |.
func (c *commands) end() {
	if c.length == 0 {
		return
	}
	sense := c.senses[string(c.word[:min(c.length, len(c.word))])]
	if c.length > len(c.word) {
		sense = 0
	}
	if c.length == 2 && c.upper == 2 && sense&isProgram != 0 && !(c.joined && sense&isCapital != 0) {
		sense = isSpoken
	}
	if c.at || c.deep {
		c.spoken = c.spoken || sense&isSpoken != 0
		c.program = c.program || sense&isProgram != 0 || sense&isSpoken != 0 && (c.led || c.tight && c.upper == 0) || sense&isSpoken != 0 && c.next && sense&isWrapper == 0 // nice time
		c.verb = c.verb || sense&isVerb != 0
	} else if c.verb && sense&isKeyword != 0 {
		c.program = true
	}
	c.next = sense&isWrapper != 0
	c.deep = c.deep || c.next
	c.at, c.led, c.joined, c.tight, c.length, c.upper = false, false, false, false, 0, 0
}
