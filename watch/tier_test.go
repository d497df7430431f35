package watch

import (
	"encoding/hex"
	"reflect"
	"strings"
	"testing"
)

// fullTier has another number in each field.
func fullTier() TierCounts {
	r := tierRow{}
	for i := range r {
		r[i] = uint64(i)*1_000_003 + 1
	}
	return r.counts()
}

// TestTierRow: each field of TierCounts has a place and a key of its own.
func TestTierRow(t *testing.T) {
	c, seen, keys := fullTier(), map[uint64]bool{}, map[uint64]bool{}
	for at, n := range c.row() {
		seen[n], keys[tierKey(at)] = true, true
	}
	if len(seen) != tierLen || len(keys) != tierLen || seen[0] {
		t.Errorf("%d values and %d keys, want %d", len(seen), len(keys), tierLen)
	}
}

// TestTierReportGolden: edges of other releases read these bytes.
func TestTierReportGolden(t *testing.T) {
	r := TierReport{Boot: 0x0123456789abcdef, Node: "fra-1", Seq: 300, Scrubber: 0xfedcba9876543210}
	r.Counts.Stopped[GetFlood][ByScrub] = 1
	r.Counts.Passed[SYN][ByScrub] = 127
	r.Counts.Stopped[TLSFlood][ByGate] = 128
	r.Counts.Stopped[Carpet][ByFirewall] = 1 << 63
	const want = "010123456789abcdef" + "ac02" + "05" + "6672612d31" + "fedcba9876543210" +
		"0001" + "b2018001" + "e1017f" + "da0280808080808080808001"
	data := AppendTierReport(nil, &r)
	if got := hex.EncodeToString(data); got != want {
		t.Errorf("it is told as\n%s, want\n%s", got, want)
	}
	for _, r := range []TierReport{r, {Boot: 1, Seq: 1}, {Seq: 1, Node: strings.Repeat("n", maxNode), Counts: fullTier()}} {
		data := AppendTierReport(nil, &r)
		if back, err := ParseTierReport(data); err != nil || !reflect.DeepEqual(back, r) || len(data) > MaxTierReport {
			t.Errorf("%d bytes are read as %+v, %v", len(data), back, err)
		}
	}
}

// TestTierReportOfALaterRelease: vectors and controls that this one does not know are skipped.
func TestTierReportOfALaterRelease(t *testing.T) {
	data := AppendTierReport(nil, &TierReport{Seq: 1})
	data = append(data, 0x02, 7, 0x0e, 8) // get-flood, by the gate and by control 7
	data = append(data, 0xe0, 0x02, 9)    // vector 22
	r, err := ParseTierReport(data)
	want := TierCounts{}
	want.Stopped[GetFlood][ByGate] = 7
	if err != nil || r.Counts != want {
		t.Errorf("it is read as %+v, %v", r, err)
	}
}

func TestTierReportsThatAreRefused(t *testing.T) {
	valid := string(AppendTierReport(nil, &TierReport{Boot: 1, Node: "a", Seq: 1}))
	for name, c := range map[string]struct{ data, want string }{
		"nothing":         {"", "cut short"},
		"another version": {"\x02" + valid[1:], "version 2"},
		"a cut header":    {valid[:8], "cut short"},
		"no dataplane":    {valid[:len(valid)-1], "cut short"},
		"number 0":        {strings.Replace(valid, "\x01\x01a", "\x00\x01a", 1), "number is 0"},
		"a cut counter":   {valid + "\x02", "cut short"},
		"a key twice":     {valid + "\x02\x01\x02\x01", "not in order"},
		"a key too late":  {valid + "\x04\x01\x02\x01", "not in order"},
		"too much":        {valid + strings.Repeat("x", MaxTierReport), "at most"},
	} {
		if r, err := ParseTierReport([]byte(c.data)); err == nil || !strings.Contains(err.Error(), c.want) || r != (TierReport{}) {
			t.Errorf("%s: %+v, %v, want %q", name, r, err, c.want)
		}
	}
}

func FuzzParseTierReport(f *testing.F) {
	f.Add(AppendTierReport(nil, &TierReport{Boot: 1, Node: "fra-1", Seq: 9, Scrubber: 3, Counts: fullTier()}))
	f.Add([]byte{1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 7})
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := ParseTierReport(data)
		if err != nil {
			return
		}
		again := AppendTierReport(nil, &r)
		if back, err := ParseTierReport(again); err != nil || back != r {
			t.Errorf("%x is told as %x, and read as %+v, %v", data, again, back, err)
		}
		e := TierEdges{}
		e.Take(&TierReport{Boot: r.Boot, Seq: 1}, epoch)
		r.Seq = max(2, r.Seq)
		e.Take(&r, epoch)
		s, rule := e.Tick(epoch), TierRule{}
		for v, n := range s.Arrived {
			if n < 0 {
				t.Errorf("%d packets as %s", n, Vector(v))
			}
		}
		rule.Step(epoch, &s)
	})
}
