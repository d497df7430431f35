package pinset

// BPFFS is where Linux distributions mount the BPF file system.
const BPFFS = "/sys/fs/bpf"

// Attachment is an interface to which a program is attached.
type Attachment struct {
	Interface string `json:"interface"`

	// The number by which the kernel knows the interface, which stays when it is
	// renamed.
	Index int `json:"index"`

	// Whether the driver runs the program, if it is an XDP program. If not, the kernel runs it later, in
	// generic mode, at several times the cost.
	Native bool `json:"native"`
}
