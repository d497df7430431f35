//go:build linux

package daemon

import (
	"errors"
	"strings"
	"testing"

	"github.com/theriac-edge/theriac/hint"
	"github.com/theriac-edge/theriac/scrub/features"
)

func TestMissingFeature(t *testing.T) {
	refused := errors.New("loading the program: invalid argument")
	err := missingFeature(refused, []features.Feature{{What: "BTF", Try: "x"}, {What: "helpers", Missing: errors.New("tcp_raw_gen_syncookie_ipv4: not supported"), Try: "a kernel of 6.0"}})
	if h, ok := errors.AsType[hint.Error](err); !ok || h.Try != "a kernel of 6.0" || !errors.Is(err, refused) || !strings.Contains(err.Error(), "needs, helpers (tcp_raw_gen_syncookie_ipv4") {
		t.Errorf("a kernel without a helper: %v", err)
	}
	if h, ok := errors.AsType[hint.Error](missingFeature(refused, nil)); !ok || h.Try != "scrubd check" {
		t.Errorf("for another reason: %v", h)
	}
}
