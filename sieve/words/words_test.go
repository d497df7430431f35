package words_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/theriac-edge/theriac/sieve/words"
)

func Example() {
	finder, err := words.New([][]string{{"union", "select"}, {"script"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	hits := finder.Find("1 UNION ALL", nil)
	fmt.Println(hits.Has(0), hits.Has(1))
	// Output: true false
}

// TestFind compares with a search for each word.
func TestFind(t *testing.T) {
	sets := [][]string{{"he", "she"}, {"his", "hers"}, {"\xff\x00", "ä"}, {"a"}, {"aa"}, {"aab", "he"}}
	for i := range 70 { // more than fit into one number
		sets = append(sets, []string{fmt.Sprintf("<%d>", i), "K"})
	}
	finder, err := words.New(sets)
	if err != nil {
		t.Fatal(err)
	}
	var hits words.Hits
	for _, text := range []string{"", "ushers", "SHE", "hi", "his", "aaab", "Ä", "xä", "\xff\x00", "<69><1>", "k", "\u212a", "ahe"} {
		hits = finder.Find(text, hits)
		for i, set := range sets {
			want := false
			for _, word := range set {
				want = want || strings.Contains(bytewise(text), bytewise(word))
			}
			if hits.Has(i) != want {
				t.Errorf("%q in %q: got %v", set, text, hits.Has(i))
			}
		}
	}
}

func TestNoWord(t *testing.T) {
	if _, err := words.New([][]string{{"a", ""}}); err == nil {
		t.Error("an empty word would be in each text")
	}
	finder, err := words.New(nil)
	if err != nil || len(finder.Find("a", nil)) != 1 {
		t.Errorf("no words: got %v", err)
	}
}

func FuzzFind(f *testing.F) {
	f.Add("he", "SHE", "ushers")
	f.Add("a", "aa", "\xffaA")
	f.Fuzz(func(t *testing.T, a, b, text string) {
		finder, err := words.New([][]string{{a}, {b}, {a + b}})
		if err != nil {
			return
		}
		hits := finder.Find(text, nil)
		for i, word := range []string{a, b, a + b} {
			if want := strings.Contains(bytewise(text), bytewise(word)); hits.Has(i) != want {
				t.Errorf("%q in %q: got %v", word, text, !want)
			}
		}
	})
}

// bytewise folds ASCII and leaves all other bytes as they are.
func bytewise(text string) string {
	out := []byte(text)
	for i, c := range out {
		if 'A' <= c && c <= 'Z' {
			out[i] = c | 0x20
		}
	}
	return string(out)
}
