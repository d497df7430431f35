package visit

import (
	"bytes"
	"slices"
	"strings"
)

// hasGenericForm reports whether the path ends as scripts for notifications are commonly
// called: /ipn.php, /paypal/webhook, /stripe-webhook/, /webhooks/stripe, /ratepay/push,
// /payment/notify/4711.
func (a *address) hasGenericForm() bool {
	n := a.last()
	if n > 0 && isID(a.path[n]) {
		n--
	}
	if n < 0 || !a.isBelow(n) {
		return false
	}
	if n > 0 && isProvider(a.path[n]) && isNotifyWord(a.path[n-1]) || isNotifyWord(a.path[n]) {
		return true
	}
	return n > 0 && isProvider(a.path[n-1]) && isIn(providersWords, a.path[n])
}

// notifyWords are what a script for notifications is called, or what its name ends with.
// The name of a PHP script may also begin with one.
var notifyWords = func() map[string]bool {
	m := make(map[string]bool)
	for word := range strings.FieldsSeq("callback callbacks ipn ipnhandler webhook webhooks webhookhandler notify notification notifications postback") {
		m[word] = true
	}
	return m
}()

// providersWords are what notifications are called behind the name of a provider.
var providersWords = map[string]bool{"push": true, "status": true, "statusurl": true, "transactionstatus": true}

// providers are those of payments.
var providers = strings.Fields("adyen amazon amazonpay amazon_pay applepay barzahlen billie billpay braintree checkoutcom computop concardis datatrans easycredit " +
	"giropay gocardless heidelpay hipay klarna mollie multisafepay nexi novalnet paydirekt payone paypal paypalplus payrexx postfinance ratepay saferpay sezzle " +
	"skrill sofort stripe sumup twint unzer viva wallee wirecard worldline worldpay")

// isProvider reports whether a segment is the name of a payment provider.
func isProvider(segment string) bool {
	return slices.ContainsFunc(providers, func(name string) bool { return strings.EqualFold(name, segment) })
}

func isIn(words map[string]bool, segment string) bool {
	var room [maxSegment]byte
	lower, ok := fold(room[:0], segment)
	return ok && words[string(lower)]
}

var dotPHP = []byte(".php")

func isNotifyWord(segment string) bool {
	var room [maxValue]byte
	lower, ok := fold(room[:0], segment)
	if !ok {
		return false
	}
	lower, script := bytes.CutSuffix(lower, dotPHP)
	first, last := 0, len(lower)
	for i, c := range lower {
		if c == '-' || c == '_' {
			if first == 0 {
				first = i
			}
			last = i
		}
	}
	if first == 0 {
		return notifyWords[string(lower)] || isProvidersScript(lower)
	}
	return script && notifyWords[string(lower[:first])] || notifyWords[string(lower[last+1:])]
}

// isProvidersScript reports whether a name in lower case is a provider's before a word, as
// in stripewebhook.
func isProvidersScript(lower []byte) bool {
	for _, name := range providers {
		if len(lower) > len(name) && string(lower[:len(name)]) == name && notifyWords[string(lower[len(name):])] {
			return true
		}
	}
	return bytes.HasPrefix(lower, payment) && notifyWords[string(lower[len(payment):])]
}

var payment = []byte("payment")

// isID reports whether a segment is a number, a UUID or another identifier, and no name.
func isID(segment string) bool {
	digits, hex := 0, true
	for i := range len(segment) {
		c := segment[i]
		switch {
		case '0' <= c && c <= '9':
			digits++
		case 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F' || c == '-':
		case 'g' <= c && c <= 'z' || 'G' <= c && c <= 'Z' || c == '_':
			hex = false
		default:
			return false
		}
	}
	switch {
	case digits == 0 || len(segment) > 64:
		return false
	case digits == len(segment):
		return true
	}
	return hex && len(segment) >= 8 || len(segment) >= 16 && digits >= 2
}
