package refusal

import "github.com/theriac-edge/theriac/webpage"

// A text is what the pages say in one language, beside the labels.
type text struct {
	// For a request over a limit.
	Explain, Safe, Wait, Again string

	// For a request that waiting does not help.
	Blocked, BlockedWhy, BlockedNext string
}

// texts are in the order of the languages of package webpage.
var texts = [webpage.Languages]text{
	{
		Explain:     "Gerade kommen sehr viele Anfragen auf einmal an. Damit der Shop für alle erreichbar bleibt, haben wir diese Anfrage angehalten.",
		Safe:        "Ihr Warenkorb ist nicht verloren. Wenn Sie gerade etwas abgeschickt haben, gehen Sie im Browser zurück und senden es noch einmal.",
		Wait:        "Sekunden bis zum nächsten Versuch",
		Again:       "Noch einmal versuchen",
		Blocked:     "Das hat leider nicht geklappt",
		BlockedWhy:  "In dem, was Ihr Browser gesendet hat, steht etwas, das wie ein Angriff auf den Shop aussieht. Deshalb haben wir es angehalten. Das kann ein Irrtum sein.",
		BlockedNext: "Gehen Sie im Browser zurück und versuchen Sie es mit anderen Worten, ohne Sonderzeichen. Hilft das nicht, rufen Sie uns an und nennen Sie die Kennung unten.",
	},
	{
		Explain:     "Very many requests are arriving at once. We have paused this one so that the shop stays open for everyone.",
		Safe:        "Your cart is not lost. If you have just sent something, go back in your browser and send it again.",
		Wait:        "Seconds until you can try again",
		Again:       "Try again",
		Blocked:     "Sorry, that did not work",
		BlockedWhy:  "Something in what your browser sent looks like an attack on the shop, so we have stopped it. That may be a mistake.",
		BlockedNext: "Go back in your browser and try other words, without special characters. If that does not help, call us and tell us the reference below.",
	},
	{
		Explain:     "Şu anda aynı anda çok fazla istek geliyor. Mağazanın herkes için açık kalması amacıyla bu isteği durdurduk.",
		Safe:        "Sepetiniz kaybolmadı. Az önce bir şey gönderdiyseniz tarayıcınızda geri dönün ve yeniden gönderin.",
		Wait:        "Yeniden deneyene kadar kalan saniye",
		Again:       "Yeniden dene",
		Blocked:     "Maalesef bu olmadı",
		BlockedWhy:  "Tarayıcınızın gönderdiği bilgilerin içinde mağazaya yönelik bir saldırıya benzeyen bir şey var. Bu yüzden isteği durdurduk. Bu bir yanılgı olabilir.",
		BlockedNext: "Tarayıcınızda geri dönün ve özel karakterler olmadan başka sözcüklerle deneyin. Yine olmazsa bizi arayın ve aşağıdaki kodu söyleyin.",
	},
	{
		Explain:     "Właśnie napływa bardzo dużo zapytań naraz. Aby sklep pozostał dostępny dla wszystkich, zatrzymaliśmy to zapytanie.",
		Safe:        "Koszyk nie przepadł. Jeśli właśnie coś wysłano, prosimy cofnąć się w przeglądarce i wysłać to jeszcze raz.",
		Wait:        "Sekundy do następnej próby",
		Again:       "Spróbuj ponownie",
		Blocked:     "Niestety, to się nie udało",
		BlockedWhy:  "W tym, co wysłała przeglądarka, jest coś, co wygląda jak atak na sklep, dlatego to zatrzymaliśmy. To może być pomyłka.",
		BlockedNext: "Prosimy cofnąć się w przeglądarce i spróbować innymi słowami, bez znaków specjalnych. Jeśli to nie pomoże, prosimy zadzwonić do nas i podać kod widoczny poniżej.",
	},
	{
		Explain:     "Сейчас поступает очень много запросов одновременно. Чтобы магазин оставался доступен для всех, мы остановили этот запрос.",
		Safe:        "Ваша корзина не потеряна. Если вы только что что-то отправили, вернитесь в браузере назад и отправьте ещё раз.",
		Wait:        "Секунд до следующей попытки",
		Again:       "Повторить",
		Blocked:     "К сожалению, не получилось",
		BlockedWhy:  "В том, что отправил ваш браузер, есть нечто похожее на атаку на магазин, поэтому мы это остановили. Возможно, это ошибка.",
		BlockedNext: "Вернитесь в браузере назад и попробуйте другими словами, без специальных символов. Если не поможет, позвоните нам и назовите код, указанный ниже.",
	},
	{
		Explain:     "Зараз надходить дуже багато запитів одночасно. Щоб магазин залишався доступним для всіх, ми зупинили цей запит.",
		Safe:        "Ваш кошик не втрачено. Якщо ви щойно щось надіслали, поверніться у браузері назад і надішліть ще раз.",
		Wait:        "Секунд до наступної спроби",
		Again:       "Спробувати ще раз",
		Blocked:     "На жаль, не вийшло",
		BlockedWhy:  "У тому, що надіслав ваш браузер, є щось схоже на атаку на магазин, тому ми це зупинили. Можливо, це помилка.",
		BlockedNext: "Поверніться у браузері назад і спробуйте іншими словами, без спеціальних символів. Якщо не допоможе, зателефонуйте нам і назвіть код, указаний нижче.",
	},
	{
		Explain:     "تصل الآن طلبات كثيرة جدًا في وقت واحد. أوقفنا هذا الطلب لكي يبقى المتجر متاحًا للجميع.",
		Safe:        "سلة التسوق لم تُفقد. إذا كنتم قد أرسلتم شيئًا للتو، فارجعوا في المتصفح إلى الخلف وأرسلوه مرة أخرى.",
		Wait:        "الثواني المتبقية حتى المحاولة التالية",
		Again:       "المحاولة مرة أخرى",
		Blocked:     "للأسف لم ينجح ذلك",
		BlockedWhy:  "في ما أرسله متصفحكم شيء يشبه هجومًا على المتجر، لذلك أوقفناه. قد يكون ذلك خطأ منا.",
		BlockedNext: "ارجعوا في المتصفح إلى الخلف وحاولوا بكلمات أخرى من دون رموز خاصة. إذا لم ينفع ذلك فاتصلوا بنا واذكروا الرمز أدناه.",
	},
}
