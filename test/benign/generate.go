package benign

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"regexp"
	"strconv"
	"strings"
)

// boundary is between the parts of a multipart body, as Chromium writes it.
const boundary = "----WebKitFormBoundary7MA4YWxkTrZu0gW9"

// upload is a value that stands for a file: @jpeg 20000 "Rezept Müller.jpg".
var upload = regexp.MustCompile(`^@(jpeg|pdf|png|heic|csv) (\d+) "(.*)"$`)

// multipart encodes lines with name = value as browsers do.
func multipart(lines []string, row map[string]string) (string, error) {
	var b strings.Builder
	for _, line := range lines {
		name, value, ok := cut(line)
		if !ok {
			return "", fmt.Errorf("%q is not a field of a form", line)
		}
		name, value = filled(name, row, nil), filled(unescaped(value), row, nil)
		fmt.Fprintf(&b, "--%s\r\nContent-Disposition: form-data; name=%q", boundary, name)
		if parts := upload.FindStringSubmatch(value); parts != nil {
			size, _ := strconv.Atoi(parts[2]) // digits
			fmt.Fprintf(&b, "; filename=\"%s\"\r\nContent-Type: %s\r\n\r\n%s\r\n", parts[3], mediaTypes[parts[1]], file(parts[1], size))
			continue
		}
		fmt.Fprintf(&b, "\r\n\r\n%s\r\n", strings.ReplaceAll(value, "\n", "\r\n"))
	}
	return b.String() + "--" + boundary + "--\r\n", nil
}

// related encodes lines with type = content as SOAP with attachments.
func related(lines []string) (string, error) {
	var b strings.Builder
	for i, line := range lines {
		media, content, ok := cut(line)
		if !ok {
			return "", fmt.Errorf("%q is not a part: want a type and a content", line)
		}
		fmt.Fprintf(&b, "--%s\r\nContent-Type: %s\r\nContent-ID: <%d>\r\n\r\n%s\r\n", boundary, media, i, generated(content))
	}
	return b.String() + "--" + boundary + "--\r\n", nil
}

var mediaTypes = map[string]string{
	"jpeg": "image/jpeg", "pdf": "application/pdf", "png": "image/png", "heic": "image/heic", "csv": "text/csv",
}

// blob is a file inside of a text: {jpeg 900} in base64, {urlsafe pdf 900} in
// that of addresses, {binary png 900} as it is.
var blob = regexp.MustCompile(`\{(urlsafe |binary )?(jpeg|pdf|png|heic|csv|random) (\d+)\}`)

// generated puts files where a text asks for them.
func generated(text string) string {
	return blob.ReplaceAllStringFunc(text, func(found string) string {
		parts := blob.FindStringSubmatch(found)
		size, _ := strconv.Atoi(parts[3]) // digits
		switch parts[1] {
		case "binary ":
			return string(file(parts[2], size))
		case "urlsafe ":
			return base64.RawURLEncoding.EncodeToString(file(parts[2], size))
		}
		return base64.StdEncoding.EncodeToString(file(parts[2], size))
	})
}

// file is one that looks like its kind from outside: what is in it is noise, as
// compressed pictures are, and the same in each run.
func file(kind string, size int) []byte {
	seed := fnv.New64a()
	fmt.Fprint(seed, kind, size)
	source := rand.New(rand.NewPCG(seed.Sum64(), 0))
	var b bytes.Buffer
	switch kind {
	case "jpeg":
		b.WriteString("\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00\xff\xdb")
	case "pdf":
		b.WriteString("%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n<</Type/Catalog/Pages 2 0 R>>\nendobj\n4 0 obj\n<</Filter/FlateDecode/Length 2711>>\nstream\n")
	case "png":
		b.WriteString("\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x80\x00\x00\x00\x80\x08\x06")
	case "heic":
		b.WriteString("\x00\x00\x00\x24ftypheic\x00\x00\x00\x00mif1heicmiafMiHBMiHA")
	case "csv":
		b.WriteString("PZN;Bezeichnung;Preis\r\n")
		for b.Len() < size {
			fmt.Fprintf(&b, "%08d;Präparat %c %d mg;%d,%02d €\r\n", source.IntN(1e8), 'A'+rune(source.IntN(26)), 10*source.IntN(100), source.IntN(90), source.IntN(100))
		}
	}
	for b.Len() < size {
		b.WriteByte(byte(source.IntN(256)))
	}
	if kind == "pdf" {
		b.WriteString("\nendstream\nendobj\nstartxref\n116\n%%EOF\n")
	}
	return b.Bytes()
}
