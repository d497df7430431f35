package visit

import (
	"net/http"
	"strings"
	"time"

	"github.com/theriac-edge/theriac/shop"
	"github.com/theriac-edge/theriac/shop/netkey"
)

// endings are those of files that a shop serves without rendering a page. They are where
// to look; only what the shop answers makes an asset of such a path.
var endings = index(map[shop.Class]string{
	shop.Asset: "css js mjs map png jpg jpeg gif svg webp avif ico woff woff2 ttf otf eot mp3 mp4 webm",
})

// assetTypes are what answers with assets begin with in Content-Type.
var assetTypes = []string{
	"image/", "font/", "audio/", "video/", "text/css", "text/javascript",
	"application/javascript", "application/x-javascript", "application/font-", "application/vnd.ms-fontobject",
}

// placeSize is enough for a shop, a directory and an ending.
const placeSize = 128

// place is where the file of a path lies: the first directory, and the ending.
type place struct {
	key    netkey.Key
	ok     bool // there is one
	assets bool // the shop has served assets from there
	ending bool
}

// placeOf returns where the file of a request lies. Paths that servers read in different
// ways (dot segments, empty ones, parameters, escaped slashes) lie nowhere.
func (h *Handler) placeOf(r *http.Request, now time.Time) (p place) {
	path := r.URL.Path
	if r.Method != http.MethodGet && r.Method != http.MethodHead || isAmbiguous(path, r.URL.RawPath) {
		return p
	}
	slash := strings.LastIndexByte(path, '/')
	file, directory := path[slash+1:], path[:slash+1]
	if first := strings.IndexByte(directory[1:], '/'); first >= 0 {
		directory = directory[:first+2]
	}
	ending := ""
	if dot := strings.LastIndexByte(file, '.'); dot >= 0 {
		ending = file[dot+1:]
		if _, ok := lookUp(endings, ending); !ok {
			return p
		}
	} else if len(directory) == 1 || file == "" {
		return p // pages lie there
	}
	if len(h.Shop)+len(directory)+len(ending) > placeSize-2 {
		return p
	}
	var room [placeSize]byte
	text := append(append(room[:0], h.Shop...), 0)
	for i := range len(directory) {
		// PrestaShop has a directory for each picture, /24-home_default/: numbers differ in nothing.
		if c := directory[i]; ending == "" || c < '0' || c > '9' {
			text = append(text, c)
		}
	}
	text = append(text, 0)
	text = append(text, ending...)
	p.key, p.assets = h.app.Places().Find(text, now)
	p.ok, p.ending = true, ending != ""
	return p
}

// isAmbiguous reports whether a path, as decoded and as sent, may be read as another one
// by the shop's server.
func isAmbiguous(path, raw string) bool {
	if path == "" || path[0] != '/' || strings.ContainsAny(path, ";\\%\x00") || strings.Contains(path, "//") || strings.Contains(path, "/.") {
		return true
	}
	for raw != "" {
		var ok bool
		if _, raw, ok = strings.Cut(raw, "%"); ok && len(raw) >= 2 && raw[0] == '2' && raw[1]|0x20 == 'f' {
			return true
		}
	}
	return false
}

// learn learns from the shop's answer what the place of a request is. Of an attacked shop
// only visitors that are known or have a pass may teach it.
func (rec *recorder) learn() {
	v := &rec.visit
	if !rec.place.ok || v.Outcome.Stage != "" || v.Status != http.StatusOK || rec.request.Method != http.MethodGet {
		return
	}
	kind, header := "", rec.Header()
	if t := header["Content-Type"]; len(t) > 0 {
		kind = t[0]
	}
	switch {
	case isAsset(kind):
		if v.Class != shop.Asset && header["Set-Cookie"] != nil || v.Level >= shop.Attack && v.Trust < shop.Known && v.Partner == nil {
			return
		}
		rec.handler.app.Places().LearnAsset(rec.handler.Shop, rec.place.key, v.Start)
	case !rec.place.ending:
		rec.handler.app.Places().LearnPage(rec.place.key, v.Start)
	}
}

func isAsset(kind string) bool {
	for _, prefix := range assetTypes {
		if len(kind) >= len(prefix) && strings.EqualFold(kind[:len(prefix)], prefix) {
			return true
		}
	}
	return false
}
