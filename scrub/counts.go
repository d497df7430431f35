package scrub

import (
	"net/netip"
	"time"
)

// Tally counts the packets of one policy with one reason.
type Tally struct {
	Policy  string `json:"policy"`
	Reason  Reason `json:"reason"`
	Packets uint64 `json:"packets"`
	Bytes   uint64 `json:"bytes"`

	// Packets that would have had this reason without monitor mode. They are counted
	// under another reason.
	Watched uint64 `json:"watched,omitempty"`
}

// Sample is one packet out of many.
type Sample struct {
	Time      time.Time  `json:"time"`
	Policy    string     `json:"policy"`
	Reason    Reason     `json:"reason"`
	Watched   *Reason    `json:"watched,omitempty"` // why it would have been dropped without monitor mode
	Interface int        `json:"interface"`         // its index
	Source    netip.Addr `json:"source"`
	Dest      netip.Addr `json:"destination"`
	Protocol  uint8      `json:"protocol"`
	SrcPort   uint16     `json:"source_port,omitempty"`
	DstPort   uint16     `json:"destination_port,omitempty"`
	Flags     uint8      `json:"tcp_flags,omitempty"`
	ICMPType  uint8      `json:"icmp_type,omitempty"`
	Length    uint16     `json:"length"`
}
