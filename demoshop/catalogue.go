package demoshop

import (
	"slices"
	"strings"
)

// Product is something that needs no prescription. The makers are invented and
// so are the PZN, though their check digits are right.
type Product struct {
	ID       string `json:"id"`
	PZN      string `json:"pzn"`
	Name     Text   `json:"name"`
	About    Text   `json:"about"`
	Maker    string `json:"maker"`
	Pack     Text   `json:"pack"`
	Price    Cents  `json:"price_cents"`
	Category Text   `json:"category"`
	Medicine bool   `json:"medicine"` // the law wants a warning beside it

	Shape  string `json:"-"` // what its picture looks like: box, bottle, tube, spray
	Colour string `json:"-"`
	Label  string `json:"-"` // what is written on the picture
}

var (
	pain     = Text{"Schmerz und Fieber", "Pain and fever"}
	cold     = Text{"Erkältung", "Coughs and colds"}
	stomach  = Text{"Magen und Darm", "Stomach"}
	skin     = Text{"Haut und Wunden", "Skin and wounds"}
	vitamins = Text{"Vitamine und Mineralstoffe", "Vitamins and minerals"}
	allergy  = Text{"Allergie und Augen", "Allergy and eyes"}
	calm     = Text{"Schlaf und Ruhe", "Sleep and calm"}

	categories = []Text{pain, cold, stomach, skin, vitamins, allergy, calm}
)

func pieces(n string) Text { return Text{n + " Stück", n + " pieces"} }

func amount(s string) Text { return Text{s, s} }

var products = []Product{
	{
		"ibuprofen-400", "90526013",
		Text{"Ibuprofen 400 mg Filmtabletten", "Ibuprofen 400 mg tablets"},
		Text{"Bei leichten bis mäßig starken Schmerzen und Fieber. Mit einem Glas Wasser zu einer Mahlzeit einnehmen.", "For mild to moderate pain and fever. Take with a glass of water at a meal."},
		"Rheintal Pharma", pieces("20"), 495, pain, true, "box", "#c2412d", "Ibuprofen",
	},
	{
		"nasenspray", "90815906",
		Text{"Nasenspray 0,1 % abschwellend", "Decongestant nasal spray 0.1 %"},
		Text{"Befreit die verstopfte Nase in wenigen Minuten. Nicht länger als sieben Tage anwenden.", "Clears a blocked nose within minutes. Do not use for more than seven days."},
		"Isar Arznei", amount("10 ml"), 379, cold, true, "spray", "#1f78b4", "Nase frei",
	},
	{
		"vitamin-d3", "90830165",
		Text{"Vitamin D3 1000 I.E. Tabletten", "Vitamin D3 1000 IU tablets"},
		Text{"Für Knochen, Muskeln und Immunsystem in den dunklen Monaten. Eine Tablette am Tag.", "For bones, muscles and the immune system in the dark months. One tablet a day."},
		"Nordlicht Vital", pieces("100"), 899, vitamins, false, "bottle", "#e09f1f", "Vitamin D3",
	},
	{
		"wundsalbe", "90613189",
		Text{"Wund- und Heilsalbe mit Dexpanthenol", "Healing ointment with dexpanthenol"},
		Text{"Unterstützt die Heilung kleiner Wunden und pflegt rissige Haut. Auch für Säuglinge geeignet.", "Helps small wounds heal and cares for chapped skin. Suitable for babies too."},
		"Alster Dermatika", amount("50 g"), 649, skin, true, "tube", "#2f9e8f", "Wundsalbe",
	},
	{
		"hustensaft-efeu", "90609130",
		Text{"Hustensaft mit Efeublättern", "Ivy leaf cough syrup"},
		Text{"Löst festen Schleim und erleichtert das Abhusten. Ohne Zucker und Alkohol.", "Loosens phlegm and makes coughing easier. Without sugar or alcohol."},
		"Schwarzwald Kräuter", amount("100 ml"), 745, cold, true, "bottle", "#3f7d3a", "Efeu-Saft",
	},
	{
		"paracetamol-500", "90909961",
		Text{"Paracetamol 500 mg Tabletten", "Paracetamol 500 mg tablets"},
		Text{"Lindert Schmerzen und senkt Fieber. Höchstens vier Tage ohne ärztlichen Rat.", "Relieves pain and lowers fever. Four days at most without a doctor's advice."},
		"Rheintal Pharma", pieces("20"), 249, pain, true, "box", "#3558a8", "Paracetamol",
	},
	{
		"cetirizin", "90030826",
		Text{"Cetirizin 10 mg gegen Heuschnupfen", "Cetirizine 10 mg for hay fever"},
		Text{"Hilft rund um die Uhr bei Heuschnupfen und Nesselsucht. Eine Tablette am Abend.", "Helps around the clock with hay fever and hives. One tablet in the evening."},
		"Isar Arznei", pieces("20"), 529, allergy, true, "box", "#6b4fa0", "Cetirizin",
	},
	{
		"magnesium-300", "90462810",
		Text{"Magnesium 300 mg Direktgranulat", "Magnesium 300 mg granules"},
		Text{"Bei Wadenkrämpfen und für müde Muskeln. Ohne Wasser direkt auf die Zunge.", "For leg cramps and tired muscles. Straight onto the tongue, no water needed."},
		"Nordlicht Vital", pieces("40"), 1195, vitamins, false, "box", "#0f8a9d", "Magnesium",
	},
	{
		"elektrolyte", "90948211",
		Text{"Elektrolyt-Pulver Orange", "Rehydration powder, orange"},
		Text{"Gleicht bei Durchfall den Verlust von Wasser und Salzen aus. Für Kinder und Erwachsene.", "Replaces water and salts lost with diarrhoea. For children and adults."},
		"Elbe Gesundheit", pieces("10"), 589, stomach, true, "box", "#dd7a1c", "Elektrolyte",
	},
	{
		"halstabletten", "90993513",
		Text{"Halstabletten Salbei und Honig", "Throat lozenges, sage and honey"},
		Text{"Befeuchten den rauen Hals und beruhigen beim Sprechen. Zuckerfrei.", "Moisten a sore throat and soothe while speaking. Sugar-free."},
		"Schwarzwald Kräuter", pieces("24"), 425, cold, false, "box", "#7d8f2a", "Salbei",
	},
	{
		"augentropfen", "90819092",
		Text{"Augentropfen mit Hyaluron", "Hyaluronic eye drops"},
		Text{"Für trockene und müde Augen, auch mit Kontaktlinsen. Ohne Konservierungsmittel.", "For dry and tired eyes, with contact lenses too. Free of preservatives."},
		"Alster Dermatika", amount("10 ml"), 995, allergy, false, "spray", "#2b8cc4", "Auge klar",
	},
	{
		"pflaster", "90378653",
		Text{"Pflaster-Sortiment wasserfest", "Waterproof plasters, assorted"},
		Text{"Drei Größen für den Alltag. Haften beim Duschen und lösen sich sanft.", "Three sizes for every day. Stay on in the shower and come off gently."},
		"Elbe Gesundheit", pieces("40"), 399, skin, false, "box", "#b9835a", "Pflaster",
	},
	{
		"baldrian", "90797545",
		Text{"Baldrian und Hopfen Dragees", "Valerian and hops tablets"},
		Text{"Pflanzlich zur Ruhe kommen und besser einschlafen. Eine halbe Stunde vor dem Schlafen.", "Calm down and fall asleep the herbal way. Half an hour before bedtime."},
		"Schwarzwald Kräuter", pieces("60"), 1049, calm, true, "bottle", "#54407d", "Baldrian",
	},
	{
		"schmerzgel", "90323190",
		Text{"Schmerzgel mit Arnika", "Arnica pain relief gel"},
		Text{"Kühlt bei Prellungen und verspannten Muskeln. Mehrmals täglich dünn auftragen.", "Cools bruises and tense muscles. Apply thinly several times a day."},
		"Rheintal Pharma", amount("100 g"), 879, pain, true, "tube", "#d9961a", "Arnika-Gel",
	},
	{
		"magentee", "90487572",
		Text{"Magen-Darm-Tee Fenchel-Kümmel-Anis", "Fennel, caraway and aniseed tea"},
		Text{"Wohltuend nach schwerem Essen und bei Blähungen. Im Beutel für die Tasse.", "Comforting after heavy meals and with wind. In bags for the cup."},
		"Schwarzwald Kräuter", pieces("20"), 335, stomach, false, "box", "#5f8f4e", "Magentee",
	},
	{
		"zink-c", "90491183",
		Text{"Zink und Vitamin C Brausetabletten", "Zinc and vitamin C effervescent"},
		Text{"Für die Abwehrkräfte, mit Zitronengeschmack. Eine Tablette in ein Glas Wasser.", "For your defences, lemon flavour. One tablet in a glass of water."},
		"Nordlicht Vital", pieces("20"), 475, vitamins, false, "tube", "#c9a800", "Zink + C",
	},
	{
		"handcreme", "90625270",
		Text{"Handcreme Urea 5 %", "Hand cream with 5 % urea"},
		Text{"Zieht schnell ein und glättet raue Hände. Ohne Parfum.", "Absorbs quickly and smooths rough hands. Unscented."},
		"Alster Dermatika", amount("75 ml"), 595, skin, false, "tube", "#9a6b8f", "Urea 5 %",
	},
	{
		"kohletabletten", "90601890",
		Text{"Medizinische Kohle 250 mg", "Medicinal charcoal 250 mg"},
		Text{"Bindet Giftstoffe bei akutem Durchfall. Gehört in jede Hausapotheke.", "Binds toxins in acute diarrhoea. Belongs in every medicine cabinet."},
		"Elbe Gesundheit", pieces("30"), 615, stomach, true, "bottle", "#3d4248", "Kohle",
	},
}

var productsByID = func() map[string]Product {
	byID := make(map[string]Product, len(products))
	for _, p := range products {
		byID[p.ID] = p
	}
	return byID
}()

// find lists the products in which every word of q occurs; none for no words.
func find(q string) []Product {
	wanted := strings.Fields(fold(q))
	if len(wanted) == 0 {
		return nil
	}
	var found []Product
	for _, p := range products {
		text := fold(strings.Join([]string{p.ID, p.PZN, p.Name.DE, p.Name.EN, p.Category.DE, p.Category.EN, p.Maker}, " "))
		if !slices.ContainsFunc(wanted, func(word string) bool { return !strings.Contains(text, word) }) {
			found = append(found, p)
		}
	}
	return found
}

var umlauts = strings.NewReplacer("ä", "ae", "ö", "oe", "ü", "ue", "ß", "ss")

// fold makes "Löwe" and "loewe" the same.
func fold(s string) string { return umlauts.Replace(strings.ToLower(s)) }
