package limit

import (
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/theriac-edge/theriac/counters"
)

// policyOf returns the RateLimit-Policy of a zone: q tokens in a window of w seconds, the
// time that an empty bucket takes to fill.
func policyOf(name string, lim *counters.Limit) string {
	window := max(1, int64(time.Duration(lim.Burst)*lim.Interval/time.Second))
	return fmt.Sprintf("%q;q=%d;w=%d", name, lim.Burst, window)
}

// setHeaders sets how many tokens are left (r) and when there are more (t), as in
// draft-ietf-httpapi-ratelimit-headers, with structured fields of RFC 9651.
func (z *Zone) setHeaders(header http.Header, d counters.Decision) {
	wait := retryAfter(d.Wait)
	header["Ratelimit-Policy"] = z.policy
	header["Ratelimit"] = []string{`"` + z.Name + `";r=` + strconv.FormatInt(d.Remaining, 10) + ";t=" + wait[0]}
	if !d.Allowed() {
		header["Retry-After"] = wait
	}
}

// seconds are the most frequent values of Retry-After.
var seconds = func() (values [64][]string) {
	for i := range values {
		values[i] = []string{strconv.Itoa(i)}
	}
	return values
}()

// retryAfter rounds up, since a client that returns too early is refused again.
func retryAfter(wait time.Duration) []string {
	whole := int((wait + time.Second - 1) / time.Second)
	if whole < len(seconds) {
		return seconds[whole]
	}
	return []string{strconv.Itoa(whole)}
}
