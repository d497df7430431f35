package transform

import "strings"

// normalizePathWin does what Windows does with a path: backslashes are slashes, the name of a
// stream (file::$DATA) and dots and blanks at the end of each name do not count.
func normalizePathWin(value string) (string, bool) {
	if value == "" {
		return "", false
	}
	clean, _ := normalizePath(strings.ReplaceAll(value, `\`, "/"))
	clean = trimNames(withoutStream(clean))
	return clean, clean != value
}

// withoutStream cuts the last name at a colon. That of a drive is none.
func withoutStream(name string) string {
	start := 0
	if len(name) >= 2 && name[1] == ':' && 'a' <= name[0]|0x20 && name[0]|0x20 <= 'z' {
		start = 2
	}
	end := len(name)
	if end > start && name[end-1] == '/' {
		end--
	}
	from := start + strings.LastIndexByte(name[start:end], '/') + 1
	colon := strings.IndexByte(name[from:end], ':')
	if colon < 0 {
		return name
	}
	return name[:from+colon] + name[end:]
}

// isDots reports whether a name is empty, or has nothing but dots.
func isDots(name string) bool { return strings.Trim(name, ".") == "" }

// trimNames removes dots and blanks at the end of names. A name that has nothing else, and is
// not only dots, goes with its slash. If there are none of these at all, the text stays as it is.
func trimNames(path string) string {
	needed := false
	for name := range strings.SplitSeq(path, "/") {
		needed = needed || !isDots(name) && strings.TrimRight(name, ". ") != name
	}
	if !needed {
		return path
	}
	kept := make([]string, 0, strings.Count(path, "/")+1)
	for name := range strings.SplitSeq(path, "/") {
		if !isDots(name) {
			if name = strings.TrimRight(name, ". "); name == "" {
				continue
			}
		}
		kept = append(kept, name)
	}
	return strings.Join(kept, "/")
}
