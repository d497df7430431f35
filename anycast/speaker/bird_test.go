package speaker

import (
	"bufio"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/theriac-edge/theriac/anycast"
)

func TestReplies(t *testing.T) {
	cases := map[string]struct {
		reply string
		lines []string
		err   string
	}{
		"the greeting":        {"0001 BIRD 2.0.12 ready.\n", []string{"BIRD 2.0.12 ready."}, ""},
		"several lines":       {"0011-vip: enabled\n0000 \n", []string{"vip: enabled", ""}, ""},
		"a line that goes on": {"1002-a\n b\n0000 \n", []string{"a", "b", ""}, ""},
		"an error":            {"8002 Reconfiguration in progress\n", nil, "Reconfiguration in progress (code 8002)"},
		"no such protocol":    {"8003 No protocols match\n", nil, "no such protocol"},
		"text":                {"hello\n", nil, "is not a reply"},
		"an end in between":   {"0011-vip: enabled\n", nil, "EOF"},
		"nothing":             {"", nil, "EOF"},
	}
	for name, c := range cases {
		lines, err := readReply(bufio.NewReader(strings.NewReader(c.reply)))
		if !slices.Equal(lines, c.lines) || (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("%s: %q, %v; want %q, %q", name, lines, err, c.lines, c.err)
		}
	}
}

func FuzzReadReply(f *testing.F) {
	f.Add("0001 BIRD 2.0.12 ready.\n")
	f.Add("1002-a\n b\n8001 Network not found\n")
	f.Fuzz(func(t *testing.T, reply string) {
		lines, err := readReply(bufio.NewReader(strings.NewReader(reply)))
		if err == nil && len(lines) == 0 || err != nil && lines != nil {
			t.Errorf("%q: %q, %v", reply, lines, err)
		}
		if errors.Is(err, errNoProtocol) && !strings.Contains(reply, "8003") && !strings.Contains(reply, "9001") {
			t.Errorf("%q says that there is no protocol", reply)
		}
	})
}

func TestProtocolNames(t *testing.T) {
	for want, r := range map[string]anycast.Route{
		"vip_203_0_113_3_32":  {Prefix: netip.MustParsePrefix("203.0.113.3/32")},
		"hole_203_0_113_3_32": {Prefix: netip.MustParsePrefix("203.0.113.3/32"), Blackhole: true},
		"vip_2001_db8_1___48": {Prefix: netip.MustParsePrefix("2001:db8:1::/48")},
	} {
		if got := ProtocolName(r); got != want {
			t.Errorf("%v is %s, want %s", r, got, want)
		}
	}
}
