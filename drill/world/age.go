package world

import (
	"fmt"
	"net/http"
	"time"

	"github.com/theriac-edge/theriac/challenge/pow"
)

// secret is that of the edges of drills, so that the drill can make stamps older.
const secret = "only-for-drills-on-loopback"

// agedBy is how much older stamps are made: an edge vouches for customers that came
// some minutes before an attack, which no drill can wait for.
const agedBy = 24 * time.Hour

// Age makes a cookie that is a stamp of the shield older, as if the visitor had come a
// day before. It leaves all others as they are.
func (w *World) Age(c *http.Cookie) error {
	keys, err := pow.NewKeys([]byte(secret))
	if err != nil {
		return fmt.Errorf("making a stamp older: %w", err)
	}
	now := time.Now()
	stamp, err := keys.OpenStamp(c.Value, now)
	if err != nil {
		return nil // another cookie
	}
	stamp.Issued = stamp.Issued.Add(-agedBy)
	c.Value = string(keys.AppendStamp(nil, &stamp, now))
	return nil
}
