package waf

import _ "unsafe" // for go:linkname

// hasAccessToFS is Coraza's own switch, which otherwise only the build tag no_fs_access sets.
// With access Coraza writes a file into the folder for temporary files when an edge starts, and
// refuses to work where there is none, as in a container whose root is read-only. Nothing of
// ours needs it: bodies are read by our parser and stay in memory.
//
//go:linkname hasAccessToFS github.com/corazawaf/coraza/v3/internal/environment.HasAccessToFS
var hasAccessToFS bool

func init() { hasAccessToFS = false }
