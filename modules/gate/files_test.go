package gate

import "testing"

// TestBoundHandshakes: half of the files stay for others.
func TestBoundHandshakes(t *testing.T) {
	for files, want := range map[uint64]int{0: 8192, 1 << 20: 8192, 16384: 8192, 1024: 512, 1: 1} {
		if got := boundHandshakes(8192, files); got != want {
			t.Errorf("with %d files: %d, want %d", files, got, want)
		}
	}
}
