// Package load sends HTTP requests to a server on this machine, from many
// loopback addresses at once, each with a connection of its own.
//
// drill/flood and drill/bench stand on it. It connects to loopback addresses
// only, and its limits are those of one machine. A client that gets no answer
// within AnswerTimeout, or one that Check rejects, is an error of that request
// and keeps no other from going on.
package load
