package sieve

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"github.com/theriac-edge/theriac/sieve/seclang"
)

// bound are rules of which somebody has looked at what they do. Each entry holds for one text
// only: if a release changes a rule of it, all of them are judged as if they were not here,
// until somebody has looked again.
var bound = []struct {
	first, last RuleID
	hash        string // SHA-256 of their texts
	why         string
}{{
	949000, 949999, "bf24bf9d49f5ea619ea149dfc7e6d2e38aca358ac1f0ab5125530336cc3c2bee",
	"adds up what other rules have found, and refuses if that is as much as tx.inbound_anomaly_score_threshold",
}}

// unchanged returns the rules that are bound, and why they are not judged.
func unchanged(program *seclang.Program) map[RuleID]string {
	aside := make(map[RuleID]string)
	for _, entry := range bound {
		if hashOf(program, entry.first, entry.last) != entry.hash {
			continue
		}
		for _, r := range program.Rules {
			if r.Marker == "" && entry.first <= r.ID && r.ID <= entry.last {
				aside[r.ID] = entry.why
			}
		}
	}
	return aside
}

func hashOf(program *seclang.Program, first, last RuleID) string {
	var text strings.Builder
	for _, r := range program.Rules {
		if r.Marker == "" && first <= r.ID && r.ID <= last {
			text.WriteString(r.Text + "\n\n")
		}
	}
	sum := sha256.Sum256([]byte(text.String()))
	return hex.EncodeToString(sum[:])
}
