// Package challenge proves from outside that solutions, passes and levels are worth
// what they should be, at all edges, and no more.
package challenge
