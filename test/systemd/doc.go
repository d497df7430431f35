// Package systemd tests the units that we ship under systemd itself, in machines that
// need.Systemd boots.
package systemd
