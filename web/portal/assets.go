package portal

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"net/http"
	"path"
	"strings"
)

//go:embed assets
var assetFiles embed.FS

// assets are the files that pages refer to, by the name in their address. The name has a hash of the content in it, so it can be kept for ever.
type assets struct {
	files map[string]asset
	names map[string]string // "portal.css" to the name in the address
}

type asset struct {
	kind    string
	content []byte
}

func newAssets() assets {
	all := assets{map[string]asset{}, map[string]string{}}
	for name, kind := range map[string]string{
		"portal.css": "text/css; charset=utf-8", "portal.js": "text/javascript; charset=utf-8", "seal.svg": "image/svg+xml",
	} {
		content, err := assetFiles.ReadFile("assets/" + name)
		if err != nil {
			panic(err) // the names are constants
		}
		sum := sha256.Sum256(content)
		extension := path.Ext(name)
		hashed := strings.TrimSuffix(name, extension) + "-" + hex.EncodeToString(sum[:8]) + extension
		all.files[hashed], all.names[name] = asset{kind, content}, hashed
	}
	return all
}

// showAsset is GET /portal/assets/{name}.
func (v *visit) showAsset() error {
	file, known := v.assets.files[v.param("name")]
	if !known {
		return errNotFound
	}
	v.w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	v.write(http.StatusOK, file.kind, file.content)
	return nil
}
