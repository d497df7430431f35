package browser

import _ "embed" // the snippet

//go:embed snippet.js
var snippetJS string

// Snippet is the script that a shop includes from SnippetPath, so that requests
// of its own scripts survive a challenge: it has a hidden frame solve it, and
// sends the request again, once.
var Snippet = []byte("(()=>{" + Tight(snippetJS, operators) + "})()")
