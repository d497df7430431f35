// Package flood attacks one shop on this machine over HTTP, from many loopback
// addresses, while customers buy at a shop, and reports what both of them saw.
//
// It measures what the design promises: that customers do not notice a flood at
// another shop. It connects to loopback addresses only. An order that the shop
// lost or has twice, an error that a customer saw and a p99 above the bound make
// Run fail; so does anything that could not be measured.
package flood
