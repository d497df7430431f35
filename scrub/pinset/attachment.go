package pinset

// BPFFS is where Linux distributions mount the BPF file system.
const BPFFS = "/sys/fs/bpf"

// Attachment is an interface to which an XDP program is attached.
type Attachment struct {
	Interface string `json:"interface"`

	// Whether the driver runs the program. If not, the kernel runs it later, in
	// generic mode, at several times the cost.
	Native bool `json:"native"`
}
