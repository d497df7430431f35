package load

import "net/http"

// Direct is a client for questions to shops and edges about themselves. It uses
// no proxy and follows no redirect, which might leave loopback.
var Direct = &http.Client{
	Transport:     &http.Transport{},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}
