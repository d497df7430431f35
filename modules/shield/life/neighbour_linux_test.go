package life

import "testing"

// TestProcAddress reads addresses as the kernel prints them in /proc/net/tcp and tcp6.
func TestProcAddress(t *testing.T) {
	for text, want := range map[string]string{
		"0100007F:1F90":                         "127.0.0.1:8080",
		"00000000:01BB":                         "0.0.0.0:443",
		"00000000000000000000000000000000:0050": "[::]:80",
		"B80D01200000000000000000010000AA:0016": "[2001:db8::aa00:1]:22",
		"0100007F":                              "", "xyz:0050": "", "0100:0050": "", ":": "",
	} {
		if got, ok := procAddress(text); ok != (want != "") || ok && got != want {
			t.Errorf("%q: %q, %t; want %q", text, got, ok, want)
		}
	}
}
