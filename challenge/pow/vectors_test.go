package pow

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"flag"
	"iter"
	"math"
	"os"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "rewrite testdata/vectors.json")

// vectors is the file that this package, the page's solver under Node and the
// same solver in Chromium are held to. Whatever does not fit into a number of
// JavaScript is in hexadecimal.
type vectors struct {
	About      string            `json:"about"`
	Puzzles    []puzzleVector    `json:"puzzles"`
	Thresholds []thresholdVector `json:"thresholds"`
	Challenges []tokenVector     `json:"challenges"`
	Passes     []tokenVector     `json:"passes"`
	Stamps     []tokenVector     `json:"stamps"`
	Bindings   []bindingVector   `json:"bindings"`
}

type puzzleVector struct {
	Name      string   `json:"name"`
	Sealed    string   `json:"sealed"`
	K         uint8    `json:"k"`
	Threshold uint32   `json:"threshold"`
	Answers   string   `json:"answers"`
	First     []uint32 `json:"first"`
	Tries     []try    `json:"tries"`
}

type try struct {
	I     uint32 `json:"i"`
	Nonce uint32 `json:"nonce"`
	Hash  uint32 `json:"hash"`
}

type thresholdVector struct {
	Hashes    float64 `json:"hashes"`
	Threshold uint32  `json:"threshold"`
}

type tokenVector struct {
	Name   string         `json:"name"`
	Secret string         `json:"secret"`
	Now    int64          `json:"now"`
	Fields map[string]any `json:"fields"`
	Text   string         `json:"text"`
}

type bindingVector struct {
	Secret  string `json:"secret"`
	Shop    string `json:"shop"`
	Agent   string `json:"agent"`
	Binding string `json:"binding"`
}

const about = "Made by `go test ./challenge/pow -run Vectors -update`. " +
	"Sub-puzzle i of k is solved by nonce n if the first 32 bits (big endian) of SHA-256(sealed, BE32(i), BE32(n)) are below threshold. " +
	"answers: for each i the least n that solves it, BE32. first: the 32 bits for n = 0 of each i. tries: the same for other i and n. " +
	"sealed, answers, secret, ids, nets and bindings are hexadecimal; times are Unix seconds; tokens are base64url."

// counting are n bytes that tell each place from the others.
func counting(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(7*i + 1)
	}
	return b
}

func puzzles() (list []puzzleVector) {
	sealed := [...]Sealed{{}, Sealed(bytes.Repeat([]byte{0xff}, sealedSize)), Sealed(counting(sealedSize))}
	for _, p := range []struct {
		name      string
		sealed    Sealed
		k         uint8
		threshold uint32
	}{
		{"a single sub-puzzle", sealed[0], 1, 1 << 20},
		{"a threshold that is negative to whoever reads it with its sign", sealed[1], Subpuzzles, 3 << 30},
		{"the cheapest", sealed[2], Subpuzzles, Threshold(0)},
		{"4,096 hashes in the mean", sealed[2], Subpuzzles, Threshold(4096)},
		{"65,536 hashes in the mean", sealed[0], Subpuzzles, Threshold(65536)},
		{"as many sub-puzzles as a token can ask for", sealed[2], 255, 1 << 28},
	} {
		c := Challenge{Algorithm: SHA256, K: p.k, Threshold: p.threshold}
		v := puzzleVector{
			Name: p.name, Sealed: hex.EncodeToString(p.sealed[:]), K: p.k, Threshold: p.threshold,
			Answers: hex.EncodeToString(Solve(&c, &p.sealed)),
		}
		for i := range uint32(p.k) {
			v.First = append(v.First, Hash(&p.sealed, i, 0))
		}
		for _, t := range []try{{I: 0, Nonce: 1}, {I: 1, Nonce: 1 << 31}, {I: 31, Nonce: 1<<32 - 1}, {I: 1<<32 - 1, Nonce: 0x01020304}} {
			v.Tries = append(v.Tries, try{t.I, t.Nonce, Hash(&p.sealed, t.I, t.Nonce)})
		}
		list = append(list, v)
	}
	return list
}

// made builds all vectors from fixed inputs. IDs are also fixed, so tokens are
// made below AppendChallenge and the others, which draw fresh ones.
func made(t *testing.T) *vectors {
	secret := counting(MinSecret)
	k, err := NewKeys(secret)
	if err != nil {
		t.Fatal(err)
	}
	all := &vectors{About: about, Puzzles: puzzles()}
	for _, hashes := range []float64{0, 32, 33, 100, 4096, 4506, 65536, 1 << 20, 1 << 31, 1e300} {
		all.Thresholds = append(all.Thresholds, thresholdVector{hashes, Threshold(hashes)})
	}
	token := func(name, text string, fields map[string]any) tokenVector {
		return tokenVector{Name: name, Secret: hex.EncodeToString(secret), Now: noon.Unix(), Fields: fields, Text: text}
	}
	for name, c := range challenges() {
		w := c.wire(k.challenges.sealing(noon).id)
		all.Challenges = append(all.Challenges, token(name, string(k.challenges.sealing(noon).seal(nil, w[:])), map[string]any{
			"algorithm": c.Algorithm, "k": c.K, "level": c.Level, "rise": c.Rise, "threshold": c.Threshold,
			"expires": seconds(c.Expires), "id": hex.EncodeToString(c.ID[:]), "binding": hexOf(c.Binding),
		}))
	}
	for name, p := range passes() {
		w := p.wire(k.passes.sealing(noon).id)
		all.Passes = append(all.Passes, token(name, string(k.passes.sealing(noon).seal(nil, w[:])), map[string]any{
			"kind": p.Kind, "level": p.Level, "rise": p.Rise, "issued": seconds(p.Issued), "expires": seconds(p.Expires),
			"id": hex.EncodeToString(p.ID[:]), "net": hexOf(p.Net), "binding": hexOf(p.Binding),
		}))
	}
	for name, s := range stamps() {
		w := s.wire(k.stamps.sealing(noon).id)
		all.Stamps = append(all.Stamps, token(name, string(k.stamps.sealing(noon).seal(nil, w[:])), map[string]any{
			"issued": seconds(s.Issued), "day": s.Day, "id": hex.EncodeToString(s.ID[:]), "net": hexOf(s.Net), "binding": hexOf(s.Binding),
		}))
	}
	for _, b := range [][2]string{{"loewen", "Mozilla/5.0"}, {"loewen", ""}, {"", "Mozilla/5.0"}, {"loewen", strings.Repeat("long ", 100)}} {
		all.Bindings = append(all.Bindings, bindingVector{hex.EncodeToString(secret), b[0], b[1], hexOf(k.Binding(b[0], b[1]))})
	}
	return all
}

func hexOf(n uint64) string { return hex.EncodeToString(binary.BigEndian.AppendUint64(nil, n)) }

// challenges are tokens with all fields at ordinary and at extreme values.
func challenges() iter.Seq2[string, Challenge] {
	usual := challenge()
	usual.ID = [11]byte(counting(11))
	full := Challenge{
		Algorithm: 255, K: 255, Level: 15, Rise: 15, Threshold: math.MaxUint32,
		Expires: timeOf(math.MaxUint32), ID: [11]byte(bytes.Repeat([]byte{255}, 11)), Binding: math.MaxUint64,
	}
	empty := Challenge{Expires: timeOf(math.MaxUint32)}
	return func(yield func(string, Challenge) bool) {
		_ = yield("a challenge", usual) && yield("every field full", full) && yield("every field empty", empty)
	}
}

func passes() iter.Seq2[string, Pass] {
	usual := pass()
	usual.ID = [8]byte(counting(8))
	full := Pass{
		Kind: 255, Level: 15, Rise: 15, Issued: noon.Add(2 * time.Minute), Expires: timeOf(math.MaxUint32),
		ID: [8]byte(bytes.Repeat([]byte{255}, 8)), Net: math.MaxUint64, Binding: math.MaxUint64,
	}
	empty := Pass{Issued: timeOf(0), Expires: timeOf(math.MaxUint32)}
	return func(yield func(string, Pass) bool) {
		_ = yield("a pass", usual) && yield("every field full", full) && yield("every field empty", empty)
	}
}

func stamps() iter.Seq2[string, Stamp] {
	usual := stamp()
	usual.ID = [6]byte(counting(6))
	full := Stamp{
		Issued: noon.Add(2 * time.Minute), Day: math.MaxUint16, ID: [6]byte(bytes.Repeat([]byte{255}, 6)),
		Net: math.MaxUint64, Binding: math.MaxUint64,
	}
	old := Stamp{Issued: noon.Add(time.Second - StampLife), ID: [6]byte{1}}
	return func(yield func(string, Stamp) bool) {
		_ = yield("a stamp", usual) && yield("every field full", full) && yield("as empty as can be", old)
	}
}

func TestVectorsAreWhatThisPackageMakes(t *testing.T) {
	const name = "testdata/vectors.json"
	want, err := json.MarshalIndent(made(t), "", "\t")
	if err != nil {
		t.Fatal(err)
	}
	want = append(want, '\n')
	if *update {
		if err := os.WriteFile(name, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is not what is made here. Tokens and solvers of another version are on their way when an edge is updated: give a changed form a new version, then run with -update", name)
	}
}
