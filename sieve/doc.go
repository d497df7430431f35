// Package sieve proves for one request that most rules of a firewall cannot match it.
//
// A rule set is compiled once, from the text that Coraza reads. [Sieve.Open] then returns the
// rules that may match a request: whoever lets Coraza run only these gets the verdict of all.
// Each rule that is not returned is proven not to match, by steps each of which is necessary
// for the next: the length of a value, its bytes, its words, and at last the operator itself
// or an automaton that equals it.
//
// What the package does not know makes a rule open, always: an action, an operator, a
// transformation, a variable, a TX variable that another rule may set. It imports neither
// Caddy nor Coraza; that it reads rules as Coraza does is held by tests in test/sieve.
package sieve
