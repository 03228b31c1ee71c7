package transfer

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
)

// Rejection is a line that was not imported, and why.
type Rejection struct {
	Line   int            `json:"line"` // from 1
	Reason string         `json:"reason"`
	User   map[string]any `json:"user,omitempty"` // the line without hashes, if it could be read
}

// Rejects is the file of rejected lines, as JSON Lines. Nobody else can read it.
type Rejects struct {
	Path string
	file *os.File
}

// open makes the file, or cuts off what an interrupted batch wrote and did not commit.
func (r *Rejects) open(size int64) error {
	file, err := os.OpenFile(r.Path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	r.file = file
	if err := file.Chmod(0o600); err != nil {
		return err
	}
	info, err := file.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%s is no file", r.Path)
	}
	if info.Size() < size {
		return fmt.Errorf("%s is not the file of the import that was interrupted", r.Path)
	}
	return file.Truncate(size)
}

// write puts rejections behind the first size bytes and answers where they end. They are on disk before the batch is.
func (r *Rejects) write(size int64, rejections []Rejection) (int64, error) {
	if len(rejections) == 0 {
		return size, nil
	}
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	for _, rejection := range rejections {
		if err := encoder.Encode(rejection); err != nil {
			return size, err
		}
	}
	if _, err := r.file.Seek(size, io.SeekStart); err != nil {
		return size, err
	}
	n, err := r.file.Write(b.Bytes())
	return size + int64(n), errors.Join(err, r.file.Sync())
}

// Close is for after the import.
func (r *Rejects) Close() error {
	if r == nil || r.file == nil {
		return nil
	}
	return r.file.Close()
}
