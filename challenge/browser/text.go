package browser

import "github.com/theriac-edge/theriac/webpage"

// A text is what the pages say in one language, beside the labels.
type text struct {
	Reason  string // why there is this page at all
	Work    string // what the browser does, and that the visitor has nothing to do
	Safe    string // that nothing is lost
	Percent string // the label of the progress bar

	// What the page says on its way; {n} stands for seconds.
	Start, Slow, Capped, Timed, Done, Failed, Continue string

	// For browsers that do not run the script: with a way on, and without.
	Later, LaterLink, Never string

	// For browsers without cookies.
	Cookies, CookiesWhy, CookiesHow string

	// For visitors without JavaScript who had sent a form and may now go on.
	Resend, ResendWhy, ResendHow string
}

// texts are in the order of the languages of package webpage.
var texts = [webpage.Languages]text{german, english, turkish, polish, russian, ukrainian, arabic}

var german = text{
	Reason:     "Gerade kommen ungewöhnlich viele Anfragen an. Damit der Shop für alle erreichbar bleibt, wird jeder Browser kurz geprüft.",
	Work:       "Ihr Browser führt dafür eine kleine Berechnung aus. Sie müssen nichts tun: Nach etwa einer Sekunde geht es von selbst weiter.",
	Safe:       "Ihr Warenkorb und alles, was Sie abgeschickt haben, bleiben erhalten.",
	Percent:    "Fortschritt der Berechnung",
	Start:      "Die Berechnung läuft.",
	Slow:       "Es dauert etwas länger als sonst. Bitte lassen Sie diese Seite geöffnet.",
	Capped:     "Aus Ihrem Netz kommen gerade sehr viele Anfragen. In {n} Sekunden geht es von selbst weiter.",
	Timed:      "Ihr Browser rechnet langsam. Das macht nichts: In {n} Sekunden geht es von selbst weiter.",
	Done:       "Geschafft, es geht weiter.",
	Failed:     "Das hat leider nicht geklappt. Bitte wählen Sie „Weiter“, um es noch einmal zu versuchen.",
	Continue:   "Weiter",
	Later:      "Ihr Browser führt die Prüfung nicht aus: JavaScript ist ausgeschaltet oder blockiert, oder der Browser ist älter. Das macht nichts: In wenigen Sekunden geht es von selbst weiter.",
	LaterLink:  "Weiter, falls nichts geschieht",
	Never:      "Ihr Browser führt die Prüfung nicht aus. Bitte schalten Sie JavaScript ein und laden Sie diese Seite neu.",
	Cookies:    "Bitte erlauben Sie Cookies",
	CookiesWhy: "Ihr Browser nimmt zurzeit keine Cookies an. Ohne sie können wir uns nicht merken, dass er schon geprüft ist, und auch der Warenkorb funktioniert nicht.",
	CookiesHow: "Bitte erlauben Sie in den Einstellungen Ihres Browsers Cookies für diese Website und laden Sie die Seite dann neu.",
	Resend:     "Jetzt können Sie weitermachen",
	ResendWhy:  "Vielen Dank für Ihre Geduld. Was Sie abgeschickt haben, ist noch nicht beim Shop angekommen.",
	ResendHow:  "Bitte gehen Sie in Ihrem Browser eine Seite zurück und senden Sie das Formular noch einmal ab.",
}

var english = text{
	Reason:     "Unusually many requests are arriving right now. To keep the shop open for everyone, each browser is checked briefly.",
	Work:       "Your browser is doing a short computation for this. There is nothing for you to do: it takes about a second and then goes on by itself.",
	Safe:       "Your cart and anything you have sent are kept.",
	Percent:    "Progress of the computation",
	Start:      "The computation is running.",
	Slow:       "This is taking a little longer than usual. Please keep this page open.",
	Capped:     "Very many requests are coming from your network. It goes on by itself in {n} seconds.",
	Timed:      "Your browser computes slowly. That is fine: it goes on by itself in {n} seconds.",
	Done:       "Done, you can go on.",
	Failed:     "Sorry, that did not work. Please choose “Continue” to try again.",
	Continue:   "Continue",
	Later:      "Your browser does not run the check: JavaScript is switched off or blocked, or the browser is an older one. That is fine: it goes on by itself in a few seconds.",
	LaterLink:  "Continue, if nothing happens",
	Never:      "Your browser does not run the check. Please switch on JavaScript and reload this page.",
	Cookies:    "Please allow cookies",
	CookiesWhy: "Your browser does not accept cookies at present. Without them we cannot remember that it has been checked, and the cart cannot work either.",
	CookiesHow: "Please allow cookies for this website in the settings of your browser, and then reload the page.",
	Resend:     "You can go on now",
	ResendWhy:  "Thank you for your patience. What you sent has not reached the shop yet.",
	ResendHow:  "Please go back one page in your browser and send the form once more.",
}

var turkish = text{
	Reason:     "Şu anda alışılmadık derecede çok istek geliyor. Mağazanın herkese açık kalması için her tarayıcı kısaca kontrol ediliyor.",
	Work:       "Tarayıcınız bunun için kısa bir hesaplama yapıyor. Sizin bir şey yapmanız gerekmiyor: Yaklaşık bir saniye sonra sayfa kendiliğinden devam eder.",
	Safe:       "Sepetiniz ve gönderdiğiniz her şey korunur.",
	Percent:    "Hesaplamanın ilerlemesi",
	Start:      "Hesaplama sürüyor.",
	Slow:       "Bu kez biraz daha uzun sürüyor. Lütfen bu sayfayı açık tutun.",
	Capped:     "Ağınızdan şu anda çok fazla istek geliyor. {n} saniye sonra kendiliğinden devam edilecek.",
	Timed:      "Tarayıcınız yavaş hesaplıyor. Sorun değil: {n} saniye sonra sayfa kendiliğinden devam eder.",
	Done:       "Tamamlandı, devam ediliyor.",
	Failed:     "Maalesef olmadı. Yeniden denemek için lütfen “Devam” düğmesini seçin.",
	Continue:   "Devam",
	Later:      "Tarayıcınız kontrolü çalıştırmıyor: JavaScript kapalı veya engellenmiş ya da tarayıcı eski. Sorun değil: Birkaç saniye sonra sayfa kendiliğinden devam eder.",
	LaterLink:  "Bir şey olmazsa devam edin",
	Never:      "Tarayıcınız kontrolü çalıştırmıyor. Lütfen JavaScript’i açıp bu sayfayı yeniden yükleyin.",
	Cookies:    "Lütfen çerezlere izin verin",
	CookiesWhy: "Tarayıcınız şu anda çerez kabul etmiyor. Çerezler olmadan tarayıcınızın kontrol edildiğini hatırlayamayız ve sepet de çalışmaz.",
	CookiesHow: "Lütfen tarayıcınızın ayarlarında bu web sitesi için çerezlere izin verin ve ardından sayfayı yeniden yükleyin.",
	Resend:     "Şimdi devam edebilirsiniz",
	ResendWhy:  "Sabrınız için teşekkür ederiz. Gönderdiğiniz bilgiler henüz mağazaya ulaşmadı.",
	ResendHow:  "Lütfen tarayıcınızda bir sayfa geri gidin ve formu bir kez daha gönderin.",
}
