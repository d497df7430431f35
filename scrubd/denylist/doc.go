// Package denylist decides which sources are denied, and keeps the owners of each
// entry and their reasons: the policy file, operators, and edges that push bans.
//
// It stands between scrubd/daemon, which hands it requests, and the kernel's lists,
// which it keeps in sync through a small interface; so it needs no Linux. Time is
// an argument. An entry of the kernel ends by itself, also if this process is gone.
// A change that the kernel rejects is not kept here either, and its error is
// returned. If the state file cannot be written the change holds, but author and
// reason are lost at the next start; the notice says so.
package denylist
