package webpage

import "strings"

// Languages is the number of languages that the pages are written in. A language
// is an index below it; 0 is German, the fallback for every other language.
const Languages = 7

// Labels are the short texts that every page has.
type Labels struct {
	Language  string // the primary subtag of BCP 47, such as "de"
	Direction string // "ltr" or "rtl", for the attribute dir
	Title     string // the heading, and in front of the shop's name the title
	Phone     string // what the shop's telephone number is for
	Imprint   string // the link to the legal notice
	Reference string // in front of the reference that an operator can look up
}

// LabelsOf returns the labels of one language.
func LabelsOf(language int) Labels { return labels[language] }

var labels = [Languages]Labels{
	{
		Language: "de", Direction: "ltr", Title: "Einen Moment, bitte",
		Phone: "Telefonisch bestellen", Imprint: "Impressum", Reference: "Kennung für Rückfragen",
	},
	{
		Language: "en", Direction: "ltr", Title: "One moment, please",
		Phone: "Order by telephone", Imprint: "Legal notice", Reference: "Reference for questions",
	},
	{
		Language: "tr", Direction: "ltr", Title: "Lütfen bir dakika bekleyin",
		Phone: "Telefonla sipariş", Imprint: "Künye", Reference: "Sorularınız için referans kodu",
	},
	{
		Language: "pl", Direction: "ltr", Title: "Prosimy o chwilę cierpliwości",
		Phone: "Zamówienia telefoniczne", Imprint: "Dane firmy", Reference: "Kod do kontaktu z nami",
	},
	{
		Language: "ru", Direction: "ltr", Title: "Одну минуту, пожалуйста",
		Phone: "Заказать по телефону", Imprint: "Правовая информация", Reference: "Код для обращений",
	},
	{
		Language: "uk", Direction: "ltr", Title: "Зачекайте хвилинку, будь ласка",
		Phone: "Замовити телефоном", Imprint: "Правова інформація", Reference: "Код для звернень",
	},
	{
		Language: "ar", Direction: "rtl", Title: "لحظة من فضلكم",
		Phone: "الطلب عبر الهاتف", Imprint: "البيانات القانونية", Reference: "رمز للاستفسارات",
	},
}

// Bounds on the work that a hostile header can cause.
const (
	maxTags = 8  // language ranges that are read
	maxTag  = 64 // bytes of one range
)

// Negotiate returns the first language of an Accept-Language header that the
// pages are written in, or German. Browsers list languages by preference, so the
// quality values need not be read.
func Negotiate(acceptLanguage string) int {
	rest := acceptLanguage
	for range maxTags {
		end := strings.IndexByte(rest[:min(len(rest), maxTag)], ',')
		tag := rest
		if end >= 0 {
			tag, rest = rest[:end], rest[end+1:]
		} else if len(rest) > maxTag {
			return 0
		}
		tag = strings.TrimLeft(tag, " \t")
		if primary := tag[:primaryLen(tag)]; primary != "" {
			for i := range labels {
				if strings.EqualFold(primary, labels[i].Language) {
					return i
				}
			}
		}
		if end < 0 {
			return 0
		}
	}
	return 0
}

// primaryLen returns the length of a tag's language, before region and quality.
func primaryLen(tag string) int {
	if end := strings.IndexAny(tag, "-; \t"); end >= 0 {
		return end
	}
	return len(tag)
}
