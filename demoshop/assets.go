package demoshop

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"html/template"
	"image"
	"image/color"
	"image/png"
	"maps"
	"mime"
	"net/http"
	"path"
	"slices"
	"time"
)

//go:embed static
var staticFiles embed.FS

// Drawings that take a shop's or product's colours.
//
//go:embed shapes emblems
var drawings embed.FS

// asset is a file as it is served.
type asset struct {
	body       []byte
	media, tag string
}

// makeAssets draws and collects all static files of a shop, by their name
// under /static/, and returns the version of all of them together.
func makeAssets(c Config) (files map[string]asset, version string, err error) {
	bodies := make(map[string][]byte)
	for _, name := range []string{"shop.css", "cardlink.js"} {
		if bodies[name], err = staticFiles.ReadFile("static/" + name); err != nil {
			return nil, "", fmt.Errorf("reading %s: %w", name, err)
		}
	}
	bodies["theme.css"] = fmt.Appendf(nil, ":root { --accent: %s; }\n", c.Accent)
	if bodies["emblem.svg"], err = draw("emblems/"+c.Emblem+".svg", c); err != nil {
		return nil, "", err
	}
	for _, p := range products {
		if bodies["img/"+p.ID+".svg"], err = draw("shapes/"+p.Shape+".svg", p); err != nil {
			return nil, "", err
		}
	}
	if bodies["favicon.ico"], err = icon(c.Accent); err != nil {
		return nil, "", err
	}
	files = make(map[string]asset, len(bodies))
	all := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(bodies)) {
		sum := sha256.Sum256(bodies[name])
		all.Write(sum[:])
		files[name] = asset{
			body:  bodies[name],
			media: mime.TypeByExtension(path.Ext(name)),
			tag:   `"` + hex.EncodeToString(sum[:8]) + `"`,
		}
	}
	return files, hex.EncodeToString(all.Sum(nil)[:6]), nil
}

func draw(name string, v any) ([]byte, error) {
	t, err := template.ParseFS(drawings, name)
	if err != nil {
		return nil, fmt.Errorf("drawing %s: %w", name, err)
	}
	var b bytes.Buffer
	if err := t.Execute(&b, v); err != nil {
		return nil, fmt.Errorf("drawing %s: %w", name, err)
	}
	return b.Bytes(), nil
}

// icon draws a white cross on the accent as a PNG inside an ICO, for browsers
// that ask for /favicon.ico in any case.
func icon(accent string) ([]byte, error) {
	rgb, err := hex.DecodeString(accent[1:])
	if err != nil {
		return nil, fmt.Errorf("drawing icon in %q: %w", accent, err)
	}
	const side = 32
	img := image.NewRGBA(image.Rect(0, 0, side, side))
	for y := range side {
		for x := range side {
			c := color.RGBA{rgb[0], rgb[1], rgb[2], 255}
			if inside(x, 13, 18) && inside(y, 6, 25) || inside(y, 13, 18) && inside(x, 6, 25) {
				c = color.RGBA{255, 255, 255, 255}
			}
			img.SetRGBA(x, y, c)
		}
	}
	var picture bytes.Buffer
	if err := png.Encode(&picture, img); err != nil {
		return nil, fmt.Errorf("drawing icon: %w", err)
	}
	// One image: reserved, type icon, count; then side, colours, planes,
	// depth, length and offset of the PNG.
	ico := []byte{0, 0, 1, 0, 1, 0, side, side, 0, 0, 1, 0, 32, 0}
	ico = binary.LittleEndian.AppendUint32(ico, uint32(picture.Len()))
	ico = binary.LittleEndian.AppendUint32(ico, uint32(len(ico)+4))
	return append(ico, picture.Bytes()...), nil
}

func inside(x, from, to int) bool { return from <= x && x <= to }

func (s *Shop) static(w http.ResponseWriter, r *http.Request) {
	s.serveAsset(w, r, r.PathValue("file"))
}

func (s *Shop) favicon(w http.ResponseWriter, r *http.Request) {
	s.serveAsset(w, r, "favicon.ico")
}

// serveAsset lets a file be kept for a year if it was asked for by version.
func (s *Shop) serveAsset(w http.ResponseWriter, r *http.Request, name string) {
	a, ok := s.assets[name]
	if !ok {
		http.NotFound(w, r)
		return
	}
	h := w.Header()
	h.Set("Content-Type", a.media)
	h.Set("ETag", a.tag)
	h.Set("X-Content-Type-Options", "nosniff")
	if r.URL.Query().Get("v") == s.version {
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	} else {
		h.Set("Cache-Control", "public, max-age=300")
	}
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(a.body))
}
