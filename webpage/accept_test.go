package webpage

import (
	"strings"
	"testing"
)

func TestAcceptsGzip(t *testing.T) {
	for header, want := range map[string]bool{
		"":                                   false,
		"gzip":                               true,
		"GZip":                               true,
		"x-gzip":                             true,
		"gzip, deflate, br, zstd":            true,
		"br;q=1.0,gzip;q=0.8,*;q=0.1":        true,
		"deflate ,\tgzip ; q=0.001":          true,
		"gzip;Q=1.000":                       true,
		"*":                                  true,
		"br, *;q=0.5":                        true,
		"identity":                           false,
		"br, deflate":                        false,
		"gzip;q=0":                           false,
		"gzip; q=0.0, identity":              false,
		"gzip ;\tq=0.000":                    false,
		"x-gzip;q=0, *":                      false,
		"gzip;q=0, x-gzip":                   false,
		"br;q=1.0, gzip;q=0, *;q=0.1":        false,
		"*;q=0":                              false,
		"*, gzip;q=0":                        false,
		"*;q=0, gzip":                        true,
		"gzip;q=":                            false,
		"gzip;q=x":                           false,
		"gzip;q=2":                           false,
		"gzip;q=0.5;q=0":                     false,
		"gzip;q=-1":                          false,
		"gzip;q=1.5":                         false,
		"gzip;q=0.0001":                      false,
		"gzip;level=9":                       false,
		"notgzip, gzipped, gzip2":            false,
		"g zip":                              false,
		",, ,gzip":                           true,
		strings.Repeat("x,", 15) + "gzip":    true,
		strings.Repeat("x,", 16) + "gzip":    false,
		"gzip," + strings.Repeat("x,", 1000): false,
	} {
		if got := AcceptsGzip([]string{header}); got != want {
			t.Errorf("Accept-Encoding %.40q: %v, want %v", header, got, want)
		}
	}
	if !AcceptsGzip([]string{"br", "gzip"}) || AcceptsGzip([]string{"*", "gzip;q=0"}) || AcceptsGzip(nil) {
		t.Error("lines of their own are not read as one list")
	}
}

func TestAcceptsGzipAllocatesNothing(t *testing.T) {
	lines := []string{"br;q=1.0, GZIP;q=0.5", "*;q=0.1"}
	if n := testing.AllocsPerRun(100, func() { AcceptsGzip(lines) }); n != 0 {
		t.Errorf("%v allocations, want none", n)
	}
}
