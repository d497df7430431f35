package parser

import "testing"

func TestMediaTypes(t *testing.T) {
	for header, want := range map[string]struct {
		essence, charset string
		refused          bool
	}{
		"":                                 {},
		"text/plain":                       {essence: "text/plain"},
		"Text/Plain":                       {essence: "text/plain"},
		"text/plain;charset=UTF-8":         {essence: "text/plain", charset: "utf-8"},
		`text/plain ; charset="UTF-8"`:     {essence: "text/plain", charset: "utf-8"},
		"application/json;":                {essence: "application/json"},
		"application/json; charset=utf-8;": {essence: "application/json", charset: "utf-8"},
		"application/json; odata.metadata=minimal; charset=utf-8":                                                        {essence: "application/json", charset: "utf-8"},
		`multipart/related; type="application/xop+xml"; start="<root>"; start-info="text/xml"; boundary="uuid-6f1c8f5e"`: {essence: "multipart/related"},
		`text/xml; action="urn:label;create"`:                                                                            {essence: "text/xml"},
		"application/vnd.api+json; ext=https://x/y?a":                                                                    {essence: "application/vnd.api+json"},
		"application/json; charset=utf-8; charset=utf-7":                                                                 {refused: true},
		"application/json; charset=utf-8; Charset=utf-8":                                                                 {refused: true},
		"application/json, text/plain":                                                                                   {refused: true},
		"multipart/form-data, application/json":                                                                          {refused: true},
		"multipart/form-data application/json":                                                                           {refused: true},
		"multipart/form-data\x0b;boundary=x":                                                                             {refused: true},
		"application/json; charset":                                                                                      {refused: true},
		"application/json; charset =utf-8":                                                                               {refused: true},
		"application/json; charset= utf-8":                                                                               {refused: true},
		`application/json; charset="utf-8`:                                                                               {refused: true},
		`application/json; charset="utf\-8"`:                                                                             {refused: true},
		`application/json; charset=utf-8"`:                                                                               {refused: true},
		"application/json; charset=utf-8 x=y":                                                                            {refused: true},
		"application/json; =utf-8":                                                                                       {refused: true},
		"json":                                                                                                           {refused: true},
		"/json":                                                                                                          {refused: true},
		"application/":                                                                                                   {refused: true},
		"application/jsön":                                                                                               {refused: true},
		";charset=utf-8":                                                                                                 {refused: true},
	} {
		m, err := parseMediaType(header)
		if (err != nil) != want.refused || err == nil && (m.essence != want.essence || m.charset != want.charset) {
			t.Errorf("%q: %q of %q, %v; want %+v", header, m.charset, m.essence, err, want)
		}
	}
}
