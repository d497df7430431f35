// Package parser reads a request once, strictly, into a table of values: the fields,
// documents, cookies and headers that a shop's software would see. Firewall rules
// inspect the table, so no value reaches the shop that rules have not seen.
//
// The grammars are narrower than those of PHP, Node, Java, .NET and Go, so that all of
// them read what is accepted alike. What they would read differently is refused with a
// [Reason] of a closed list, and so is what exceeds the [Limits].
//
// The package knows neither Caddy nor Coraza. It keeps nothing between requests.
package parser
