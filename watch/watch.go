// Package watch decides, from what the edges count, whether a shop is attacked and how hard.
//
// It is arithmetic: time is an argument, nothing waits, nothing is stored elsewhere. It
// counts strangers, which are dynamic requests without a valid stamp or pass: a person is one
// for about one request, a flood for all of them. Volume alone raises a shop no further than
// to level 1; level 2 takes many clients that behave unlike browsers, or a shop that suffers.
package watch
