package demoshop

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"time"
)

// Config is what the shop looks like and how much load it can take. Only Slug is
// required; a cost or limit of zero means none.
type Config struct {
	// What the shop is called in cookies and order numbers: a-z, 0-9, dashes.
	Slug string

	// The name in the header. Default: the slug.
	Name string

	// The language of visitors who do not ask for one: "de" (default) or "en".
	Language string

	// The telephone number, and the line in the footer that names the owner.
	Phone, Imprint string

	// The colour of buttons and headings, #rrggbb. Default: a calm green.
	Accent string

	// The emblem in the header: "cross" (default), "lion" or "sun".
	Emblem string

	// CPU time that each dynamic page burns before its handler begins.
	PageCost time.Duration

	// How long each dynamic page holds its worker at least, such as for a database.
	// Unlike PageCost it uses no CPU time, so what the shop bears does not depend on
	// the machine: Concurrency pages in PageTime.
	PageTime time.Duration

	// How many dynamic pages are worked on at once. Zero: any number.
	Concurrency int

	// How many more may wait for a worker; any further request gets 503 at once.
	Queue int

	// How long each of them waits before it gets 503. Zero: without limit.
	Patience time.Duration

	// The bearer key of the order API. Without one the order API is closed.
	APIKey string

	// Passwords of the customers' accounts by e-mail address. Default: DemoEmail
	// with DemoPassword.
	Accounts map[string]string

	// The largest prescription in bytes. Default: 10 MiB.
	UploadLimit int64

	// How many socket sessions may be open at once. Default: 1000.
	Sockets int
}

// The account of a shop that was given none.
const (
	DemoEmail    = "kundin@apotheke.example"
	DemoPassword = "gesundheit"
)

// Loewen is the Löwen Apotheke: a lion, a deep red, German first.
func Loewen() Config {
	return Config{
		Slug:    "loewen",
		Name:    "Löwen Apotheke",
		Phone:   "069 90009147",
		Imprint: "Löwen Apotheke, a demonstration: nothing is sold here",
		Accent:  "#9b1c31",
		Emblem:  "lion",
	}
}

// Sonnen is the Sonnen Apotheke: a sun, a warm brown, German first.
func Sonnen() Config {
	return Config{
		Slug:    "sonnen",
		Name:    "Sonnen Apotheke",
		Phone:   "089 99998162",
		Imprint: "Sonnen Apotheke, a demonstration: nothing is sold here",
		Accent:  "#8a5200",
		Emblem:  "sun",
	}
}

var (
	slugs   = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,30}$`)
	colours = regexp.MustCompile(`^#[0-9a-fA-F]{6}$`)
)

// fill sets the defaults and refuses what cannot work.
func (c *Config) fill() error {
	if !slugs.MatchString(c.Slug) {
		return fmt.Errorf("opening shop %q: slug must be a-z, 0-9 and dashes", c.Slug)
	}
	setDefault(&c.Name, c.Slug)
	setDefault(&c.Language, "de")
	setDefault(&c.Accent, "#14694f")
	setDefault(&c.Emblem, "cross")
	setDefault(&c.UploadLimit, 10<<20)
	setDefault(&c.Sockets, 1000)
	if len(c.Accounts) == 0 {
		c.Accounts = map[string]string{DemoEmail: DemoPassword}
	}
	var err error
	switch {
	case !slices.Contains(languages[:], c.Language):
		err = fmt.Errorf("language %q is not one of %q", c.Language, languages)
	case !colours.MatchString(c.Accent):
		err = fmt.Errorf("accent %q is not a colour like #14694f", c.Accent)
	case !slices.Contains([]string{"cross", "lion", "sun"}, c.Emblem):
		err = fmt.Errorf("emblem %q is not cross, lion or sun", c.Emblem)
	case c.PageCost < 0 || c.PageTime < 0 || c.Concurrency < 0 || c.Queue < 0 || c.Patience < 0:
		err = errors.New("page cost, page time, concurrency, queue and patience must not be negative")
	case c.UploadLimit < 0 || c.Sockets < 0:
		err = errors.New("upload limit and sockets must not be negative")
	}
	if err != nil {
		return fmt.Errorf("opening shop %q: %w", c.Slug, err)
	}
	return nil
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}
