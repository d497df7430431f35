// Package wire proves from outside what clients, balancers and attackers can send to a
// shop through a real edge, and what they cannot.
package wire
