package webpage

import "strings"

// maxCodings bounds the work that a hostile header can cause; browsers name four.
const maxCodings = 16

// AcceptsGzip reports whether a client that sent these lines of Accept-Encoding can read
// gzip (RFC 9110, section 12.5.3). A weight of zero forbids it, x-gzip is another name of
// it, and * stands for it if neither is named. What cannot be understood is no consent:
// every client reads a page that is not compressed.
func AcceptsGzip(lines []string) bool {
	anything := false
	named, accepted := false, true
	n := 0
	for _, rest := range lines {
		for more := true; more; {
			if n++; n > maxCodings {
				return false
			}
			var element string
			element, rest, more = strings.Cut(rest, ",")
			coding, weight, _ := strings.Cut(element, ";")
			switch coding = strings.Trim(coding, " \t"); {
			case strings.EqualFold(coding, "gzip"), strings.EqualFold(coding, "x-gzip"):
				named, accepted = true, accepted && isWanted(weight)
			case coding == "*":
				anything = isWanted(weight)
			}
		}
	}
	if named {
		return accepted
	}
	return anything
}

// isWanted reports whether a weight, such as "q=0.5", is above zero. None at all is one.
func isWanted(weight string) bool {
	weight = strings.Trim(weight, " \t")
	if weight == "" {
		return true
	}
	if len(weight) < 3 || weight[0] != 'q' && weight[0] != 'Q' || weight[1] != '=' {
		return false
	}
	whole, fraction, _ := strings.Cut(weight[2:], ".")
	if len(fraction) > 3 || strings.Trim(fraction, "0123456789") != "" {
		return false
	}
	zeros := strings.Trim(fraction, "0") == ""
	return whole == "1" && zeros || whole == "0" && !zeros
}
