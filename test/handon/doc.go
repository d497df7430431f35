// Package handon tests that connections survive an edge that leaves and returns:
// three edges behind one address, real scrubbers, and a router that spreads flows by
// their hash.
package handon
