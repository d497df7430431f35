package pattern_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"

	"rsc.io/binaryregexp"

	"github.com/theriac-edge/theriac/sieve/byteset"
	"github.com/theriac-edge/theriac/sieve/pattern"
)

func Example() {
	memory := pattern.NewMemory(1 << 20)
	p, err := pattern.Compile(`(?i)\bunion\s+select\b`, memory)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(p.MinLen, p.Words)
	fmt.Println(p.Match("1 UNION  SELECT 2"))
	fmt.Println(p.Match("reunion select"))
	// Output:
	// 12 [union]
	// true true
	// false true
}

// expressions have all that the syntax knows and automata get wrong.
var expressions = []string{
	``, `a`, `^`, `$`, `^$`, `\A`, `\z`, `\b`, `\B`, `a*`, `a+?b`, `(?:a|b)*c`, `a{2,4}b`, `.`, `(?-s).`, `(?i)k`, `(?i)ſtraße`, `[^a]`, `[\x{80}-\x{10ffff}]`, `\x{fffd}`,
	`^a$`, `\Aa\z`, `a$\n^b`, `\ba\b`, `\Ba\B`, `(?-m)^a$`, `\b\Aa`, `a\z|\Ab`, `(?:^|\n)a`, `a\b.`, `(?i)[k-s]+é`, `\pL+\d`, `[[:^ascii:]]`, `x(?:\b|\B)y`,
	`\xff`, `[\x80-\xbf]+a`, `(?i)\xe2(?:\x91[\xa0-\xbf]|\x92)`, `(?i)[\xe0-\xef]k`, `^\xe4$`, `(?i)\xb5\x{ff}`, `[^\xe4]\b`, `(?i)\xdf|\xe5`, `\xff\pL`, `\xc3.`,
	`(?i)(?:s(?:elect|leep)|union|waitfor)\b[\s\S]{0,5}\bfrom`, `["'` + "`" + `]\s*(?:or|and)\b`, `(?:a?){8}a{8}`, `\$\{[^}]*\}`, `[\x00-\x08]`, `^[^;\s]+`, `\.{2}[\/\x5c]`,
}

// values meet them at their edges.
var values = []string{
	"", "a", "b", "aaaa", "aab", "\n", "a\n", "\na", "a\nb", "A", "K", "\u212a", "ſ", "s", "é", "\xff", "\ufffd", "\xc3", "a\xffb", "ä1", "日本", "a b", "_a_", " a ", "xy", "x y",
	"\xe2\x91\xa5", "\xc2\x91\xa5", "\xe9K", "\xc9k", "\xe4", "\xc4\n", "\xb5\xff", "\xb5", "\xff\xff", "\xdf", "\xe5", "\xc5", "\xffa", "\xff\xe4", "\xc3\n", "\x80a",
	"select * from", "SELECT 1 FROM", "unionfrom", "' or", "aaaaaaaa", "${x}", "../", `..\`, "text/html; a", "STRASSE", "ſtraße", "\x05", "b\n\na", "ka\u212a",
}

// check compares the pattern with the package that Coraza takes, and needs with matches.
func check(t *testing.T, p *pattern.Pattern, expression, value string) {
	t.Helper()
	want := false
	if p.Latin {
		want = binaryregexp.MustCompile(expression).MatchString(value)
	} else {
		want = regexp.MustCompile("(?sm)" + expression).MatchString(value)
	}
	if got, decided := p.Match(value); decided && got != want {
		t.Fatalf("%q in %q: got %v", expression, value, got)
	}
	if (p.Groups(value) != nil) != want {
		t.Fatalf("%q in %q: groups %q", expression, value, p.Groups(value))
	}
	if !want {
		return
	}
	bytes := byteset.Of(value)
	if len(value) < p.MinLen || !p.Bytes.MetBy(&bytes) {
		t.Fatalf("%q matches %q, in spite of its length %d and bytes %x", expression, value, p.MinLen, p.Bytes)
	}
	small := strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r | 0x20
		}
		return r
	}, value)
	if p.Words != nil && !pattern.Folds(value) && !slices.ContainsFunc(p.Words, func(word string) bool { return strings.Contains(small, word) }) {
		t.Fatalf("%q matches %q, which has none of %q", expression, value, p.Words)
	}
}

func TestPatterns(t *testing.T) {
	memory := pattern.NewMemory(8 << 20)
	for _, expression := range expressions {
		p, err := pattern.Compile(expression, memory)
		if err != nil {
			t.Errorf("%q: %v", expression, err)
			continue
		}
		for _, value := range values {
			check(t, p, expression, value)
			check(t, p, expression, value+value)
			check(t, p, expression, "x"+value+"\n")
		}
	}
}

func FuzzPattern(f *testing.F) {
	f.Add(`(?i)[\xe0-\xff]`, "\xc5")
	for i, expression := range expressions {
		f.Add(expression, values[i%len(values)])
	}
	f.Fuzz(func(t *testing.T, expression, value string) {
		if _, err := regexp.Compile("(?sm)" + expression); err != nil || len(expression) > 200 || strings.Contains(expression, "{") && len(expression) > 40 {
			return
		}
		p, err := pattern.Compile(expression, pattern.NewMemory(1<<20))
		if err != nil {
			return
		}
		check(t, p, expression, value)
		check(t, p, expression, value) // now that the states are there
	})
}

// TestNeeds: what is known of expressions as rules have them.
func TestNeeds(t *testing.T) {
	for expression, want := range map[string]string{
		`(?i)select.*from`:       `10 ["select"]`,
		`\.\./`:                  `3 ["../"]`,
		`(?:cat|ls)\s+/etc`:      `7 ["/etc"]`,
		`[ab]c?d`:                `2 ["ad" "acd" "bd" "bcd"]`,
		`a+`:                     `1 []`,
		`(?:java|\w+)\.lang`:     `6 [".lang"]`,
		`foo|bar{2}`:             `3 ["foo" "barr"]`,
		`(?i)ſelect`:             `6 ["select"]`,
		`\x{e4}pfel`:             `5 []`,
		`x{0,3}`:                 `0 []`,
		`(?:abc)+d`:              `4 ["abc"]`,
		`^(?:ht|f)tps?://(.*?)/`: `7 ["http://" "https://" "ftp://" "ftps://"]`,
	} {
		p, err := pattern.Compile(expression, pattern.NewMemory(1<<20))
		if err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprintf("%d %q", p.MinLen, p.Words); got != want {
			t.Errorf("%s: got %s, want %s", expression, got, want)
		}
	}
}

// TestMemory: without memory there is no answer, and later there is one again.
func TestMemory(t *testing.T) {
	memory := pattern.NewMemory(40 << 10)
	p, err := pattern.Compile(`[ab]{0,300}[^ab]c`, memory)
	if err != nil {
		t.Fatal(err)
	}
	undecided := 0
	for i := range 6000 {
		value := fmt.Sprintf("%b", i*i+1)
		value = strings.Repeat(strings.NewReplacer("0", "a", "1", "b").Replace(value), 20)
		if _, decided := p.Match(value); !decided {
			undecided++
		}
		if memory.Used() > 40<<10 {
			t.Fatalf("states take %d bytes", memory.Used())
		}
	}
	if undecided == 0 || undecided == 6000 {
		t.Errorf("%d of 6,000 values were not decided", undecided)
	}
}

func TestConcurrent(t *testing.T) {
	for _, expression := range expressions {
		p, err := pattern.Compile(expression, pattern.NewMemory(64<<10))
		if err != nil {
			t.Fatal(err)
		}
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() {
				for _, value := range values {
					want := regexp.MustCompile("(?sm)" + expression).MatchString(value)
					if got, decided := p.Match(value); decided && got != want && !p.Latin {
						t.Errorf("%q in %q: got %v", expression, value, got)
					}
				}
			})
		}
		all.Wait()
	}
}

// TestNoMemoryPerMatch: once the states are there, a value costs no memory.
func TestNoMemoryPerMatch(t *testing.T) {
	p, err := pattern.Compile(`(?i)\b(?:select|union)\b.{0,9}from`, pattern.NewMemory(1<<20))
	if err != nil {
		t.Fatal(err)
	}
	value := strings.Repeat("Bitte wählen (select) Sie aus dem Sortiment. ", 20)
	if n := testing.AllocsPerRun(20, func() { p.Match(value) }); n > 0 || !utf8.ValidString(value) {
		t.Errorf("%v allocations", n)
	}
}
