package waf

import (
	"fmt"
	"net/http"
	"strings"
)

// allowTypes returns the step that tells the rules which content types the shop accepts:
// the list and, if a family such as image/* has it, that of the request.
func allowTypes(types []string) step {
	var plain, families []string
	for _, t := range types {
		if t = strings.ToLower(t); strings.Contains(t, "*") {
			families = append(families, t)
		} else {
			plain = append(plain, "|"+t+"|")
		}
	}
	list := strings.Join(plain, " ")
	allow := set("allowed_request_content_type", list)
	if len(families) == 0 {
		return allow
	}
	allow.differs = func(r *http.Request) (string, bool) {
		media := strings.ToLower(r.Header.Get("Content-Type"))
		if end := strings.IndexAny(media, "; \t"); end >= 0 {
			media = media[:end]
		}
		for _, family := range families {
			if isOf(media, family) {
				return list + " |" + media + "|", true
			}
		}
		return "", false
	}
	return allow
}

// isOf reports whether a family has a content type: image/*, */*+json or application/*+xml.
func isOf(media, family string) bool {
	kind, subtype, ok := strings.Cut(media, "/")
	wanted, pattern, _ := strings.Cut(family, "/")
	suffix := strings.TrimPrefix(pattern, "*")
	return ok && !strings.Contains(media, "|") && (wanted == "*" || wanted == kind) && len(subtype) > len(suffix) && strings.HasSuffix(subtype, suffix)
}

// checkType refuses what is neither a content type nor a family of them.
func checkType(t string) error {
	kind, subtype, _ := strings.Cut(t, "/")
	rest, starred := strings.CutPrefix(subtype, "*")
	plain := func(s string) bool { return s != "" && !strings.ContainsAny(s, "*|/; \t") }
	switch {
	case !starred && plain(kind) && plain(subtype):
		return nil
	case starred && rest == "" && plain(kind): // image/*
		return nil
	case starred && strings.HasPrefix(rest, "+") && plain(rest[1:]) && (kind == "*" || plain(kind)): // */*+json
		return nil
	}
	return fmt.Errorf("invalid content type %q: want one such as text/csv, or a family such as image/* or */*+json", t)
}
