package theriac_test

import "strings"

// checkLicence: the licence is there, and is the one we say.
func checkLicence(r *repository) []string {
	text := string(r.files["LICENSE"])
	if strings.Contains(text, "Apache License") && strings.Contains(text, "Version 2.0, January 2004") {
		return nil
	}
	return []string{"LICENSE is not the Apache License, Version 2.0: put the full text there"}
}
