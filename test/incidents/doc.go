// Package incidents has operators ask an edge, as it ships, about attacks that another edge has
// recorded.
package incidents
