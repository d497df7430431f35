package load

import "net/http"

// Chrome is the User-Agent of floods and benchmarks, unless another is given.
const Chrome = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36"

// Navigation is what a browser sends for a click on a link.
func Navigation(host, agent string) http.Header {
	return http.Header{
		"Host":                      {host},
		"User-Agent":                {agent},
		"Accept":                    {"text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"},
		"Accept-Encoding":           {"gzip, deflate, br, zstd"},
		"Accept-Language":           {"de-DE,de;q=0.9,en;q=0.8"},
		"Sec-Fetch-Dest":            {"document"},
		"Sec-Fetch-Mode":            {"navigate"},
		"Sec-Fetch-Site":            {"none"},
		"Upgrade-Insecure-Requests": {"1"},
	}
}
