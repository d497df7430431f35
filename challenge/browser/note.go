package browser

// A note is a page that only says something: no script, no reload.
type note struct{ Title, Why, How string }

// Blocked is the page for a browser that keeps no cookies. It says so and what
// to do, and goes nowhere by itself: without cookies it would come back for
// ever.
func Blocked(s Shop, language int) []byte {
	t := &texts[language]
	return render("note", s, language, func(fill *sheet) { fill.Note = &note{t.Cookies, t.CookiesWhy, t.CookiesHow} })
}

// Sent is the page for a visitor without JavaScript who has waited, and who had
// sent a form: a refresh cannot send it again, but the visitor can.
func Sent(s Shop, language int) []byte {
	t := &texts[language]
	return render("note", s, language, func(fill *sheet) { fill.Note = &note{t.Sent, t.SentWhy, t.SentHow} })
}
