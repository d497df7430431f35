package visit

import (
	"crypto/ed25519"
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/dunglas/httpsfv"
)

// testKey is the key of RFC 9421, appendix B.1.4.
const testKey = "JrQLj5P_89iXES9-vFgrIy29clF9CC_oPPsw3c5D0bs"

// The examples of others: RFC 9421, appendix B.2.6, and those of
// draft-meunier-web-bot-auth-architecture, appendix A.2.
func TestExamplesOfTheStandards(t *testing.T) {
	public, err := base64.RawURLEncoding.DecodeString(testKey)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := thumbprint(public), "poqkLGiymh_W0uP6PZFw-dvez3QJT5SolqXBCW38r0U"; got != want {
		t.Errorf("the key's thumbprint is %s, want %s", got, want)
	}
	const agents = `;keyid="poqkLGiymh_W0uP6PZFw-dvez3QJT5SolqXBCW38r0U";alg="ed25519";expires=4889289600;nonce="`
	for _, c := range []struct {
		says, method, url string
		header            map[string]string
		input, signature  string
	}{
		{
			"RFC 9421, B.2.6", http.MethodPost, "https://example.com/foo?param=Value&Pet=dog",
			map[string]string{"Date": "Tue, 20 Apr 2021 02:07:55 GMT", "Content-Type": "application/json", "Content-Length": "18"},
			`sig=("date" "@method" "@path" "@authority" "content-type" "content-length");created=1618884473;keyid="test-key-ed25519"`,
			"wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw==",
		},
		{
			"without an agent", http.MethodGet, "https://example.com/path/to/resource", nil,
			`sig=("@authority");created=1735689600` + agents + `zIW8+cdmA3vdYagbxojpONwa/l0EKJ/O3/wD486VvsQjO/RxPaSt6ZxvQaMcQzNnqKN/mQ6hpGiFro2L2qkz5A==";tag="web-bot-auth"`,
			"QKN4fTdIYfh82fvoZCQiQA1weuozfCS/Led2zTMbewMMqH8PI2Wsy/5c4ao6B6D09nraNQdBNOADg8aM1MqfCg==",
		},
		{
			"with an agent", http.MethodGet, "https://example.com/path/to/resource",
			map[string]string{"Signature-Agent": `agent2="https://signature-agent.test"`},
			`sig=("@authority" "signature-agent";key="agent2");created=1735689600` + agents + `n9p433xm+NJ3ph3upfBIGmsuwHw387YV7Q/F+6BSpGCVjYCqQw6rznNA8PVVLySrAWsv0hQtFioQb6E1YsauiA==";tag="web-bot-auth"`,
			"RdNFx5Bj6au3YgAMQL/RzmUlZE8QZLIaXGRpw985hWnwPfMxT228NMk6ehRS1PSl4e8PhbNZACSanGdhEwYCCg==",
		},
	} {
		r := httptest.NewRequest(c.method, c.url, nil)
		for name, value := range c.header {
			r.Header.Set(name, value)
		}
		described, err := httpsfv.UnmarshalDictionary([]string{c.input})
		if err != nil {
			t.Fatalf("%s: %v", c.says, err)
		}
		covered, _ := described.Get("sig")
		base, err := signatureBase(r, covered.(httpsfv.InnerList))
		if err != nil {
			t.Fatalf("%s: %v", c.says, err)
		}
		signature, err := base64.StdEncoding.DecodeString(c.signature)
		if err != nil {
			t.Fatal(err)
		}
		if !ed25519.Verify(public, []byte(base), signature) {
			t.Errorf("%s: not verified over:\n%s", c.says, base)
		}
		if ed25519.Verify(public, []byte(base+" "), signature) {
			t.Errorf("%s: verified over more than it covers", c.says)
		}
	}
}
