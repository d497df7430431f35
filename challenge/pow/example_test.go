package pow_test

import (
	"fmt"
	"time"

	"github.com/theriac-edge/theriac/challenge/pow"
)

// An edge issues a challenge, a browser solves it, and the edge gives a pass for
// the answers.
func Example() {
	keys, err := pow.NewKeys([]byte("a secret that all edges share"))
	if err != nil {
		fmt.Println(err)
		return
	}
	now := time.Date(2026, time.November, 29, 12, 0, 0, 0, time.UTC)
	binding := keys.Binding("loewen", "Mozilla/5.0")

	// Issue. The token goes into the page.
	token := string(keys.AppendChallenge(nil, &pow.Challenge{
		Algorithm: pow.SHA256, K: pow.Subpuzzles, Threshold: pow.Threshold(1 << 14),
		Expires: now.Add(2 * time.Minute), Binding: binding,
	}, now))

	// Solve. The page does this in web workers.
	c, sealed, err := keys.OpenChallenge(token, now)
	if err != nil {
		fmt.Println(err)
		return
	}
	answers := pow.Solve(&c, &sealed)

	// Verify, three seconds later. That c.ID was not used before is for a store to
	// say.
	now = now.Add(3 * time.Second)
	c, sealed, err = keys.OpenChallenge(token, now)
	if err != nil || c.Binding != binding {
		fmt.Println("not a challenge of this browser:", err)
		return
	}
	if err := c.Solved(&sealed, answers); err != nil {
		fmt.Println(err)
		return
	}

	// Give a pass. The cookie comes back with every request.
	cookie := string(keys.AppendPass(nil, &pow.Pass{
		Kind: pow.Work, Issued: now, Expires: now.Add(time.Hour), Binding: c.Binding,
	}, now))
	pass, err := keys.OpenPass(cookie, now.Add(time.Minute))
	fmt.Println(len(cookie), pass.Kind == pow.Work, err)

	_, err = keys.OpenPass(cookie, now.Add(time.Hour))
	fmt.Println(err)
	// Output:
	// 64 true <nil>
	// expired
}

func ExampleKeys_OpenStamp() {
	keys, err := pow.NewKeys([]byte("a secret that all edges share"))
	if err != nil {
		fmt.Println(err)
		return
	}
	now := time.Date(2026, time.November, 29, 12, 0, 0, 0, time.UTC)
	binding := keys.Binding("loewen", "Mozilla/5.0")
	cookie := string(keys.AppendStamp(nil, &pow.Stamp{Issued: now, Day: pow.DayOf(now), Binding: binding}, now))

	stamp, err := keys.OpenStamp(cookie, now.AddDate(0, 1, 0))
	fmt.Println(stamp.Issued, stamp.Binding == binding, err)
	fmt.Println(stamp.Binding == keys.Binding("sonnen", "Mozilla/5.0"))
	// Output:
	// 2026-11-29 12:00:00 +0000 UTC true <nil>
	// false
}
