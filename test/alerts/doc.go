// Package alerts runs edges with receivers of alerts that are real: a mail server, Alertmanager,
// and a webhook that checks each signature as its specification says.
package alerts
