// Package webpage is the kit of the pages that visitors get instead of the shop:
// the choice of a language, the labels that all pages share, and templates that
// are rendered once for each shop and language, so that filling one in for a
// visitor costs copies only.
//
// It stands below challenge/browser and modules/refusal, and knows neither
// requests nor what their pages say. A language that it does not have falls back
// to German; a broken template ends the program when it starts.
package webpage
