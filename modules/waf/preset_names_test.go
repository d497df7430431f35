package waf

import (
	"testing"
)

// TestNamesThatPHPCutsShort: an exclusion holds for no field that PHP reads under another
// name than the one that was excluded (php_register_variable_ex). The control is the same
// attack in the field itself, which passes.
func TestNamesThatPHPCutsShort(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	const attack = "=1'+OR+'1'='1"
	for _, name := range []string{
		"q[a].password", "q[a]password", "q[a][password", "q[a]x[password]", "q[a][].password", "q[a].password[0]", "q[a]..password", "q[a]+password", "[password]", "q]password",
		"q[.password", "q[a]%00password", "q%00[password]", "password%00",
	} {
		if refused, _ := b.refuses(shot(t, "form: "+name+attack), b.preset); !refused {
			t.Errorf("%s: passes", name)
		}
	}
	for _, name := range []string{"password", "user[password]", "user[login][password]", "user.password", "user[password][0]", "user[password][]"} {
		if refused, fired := b.refuses(shot(t, "form: "+name+attack), b.preset); refused {
			t.Errorf("control %s: refused by %v", name, fired)
		}
	}
}
