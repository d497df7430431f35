package browser

// Solver is the page's search for nonces alone, for whoever measures it: a
// script that defines unrolled, the text of a worker, and rolled.
var Solver = solverJS
