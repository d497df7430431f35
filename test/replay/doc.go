// Package replay sends to real edges what others reported to break proxies, limits and
// challenges, byte for byte, and looks at what a shop behind them received. Subtests have
// the numbers of docs/design/edge-cases.md.
package replay
