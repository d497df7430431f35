//go:build !unix

package demoshop

import (
	"testing"
	"time"
)

func cpuTime(t *testing.T) time.Duration {
	t.Helper()
	t.Fatal("CPU time is measured on unix only")
	return 0
}
