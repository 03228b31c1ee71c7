package keys

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// ErrMasterKeyFile says that the file of the master key may not be used: wrong mode or wrong content.
var ErrMasterKeyFile = errors.New("master key file")

// ParseMasterKey decodes a master key: the base64 (standard alphabet) of MasterKeySize bytes; white space around it is dropped.
func ParseMasterKey(text string) ([]byte, error) {
	master, err := base64.StdEncoding.Strict().DecodeString(strings.TrimSpace(text))
	// The cause would name an offending byte of the secret.
	if err != nil || len(master) != MasterKeySize {
		return nil, fmt.Errorf("a master key is %d bytes in base64", MasterKeySize)
	}
	return master, nil
}

// LoadMasterKey reads the master key of a file, and makes the file (mode 0600) with a new key if there is none. Processes that
// start at the same moment end up with the same key. A file that anybody but its owner may read or write is refused.
func LoadMasterKey(path string) ([]byte, error) {
	master, err := readMasterKey(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return master, err
	}
	if err := createMasterKey(path); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("%w: %w", ErrMasterKeyFile, err)
	}
	return readMasterKey(path)
}

func readMasterKey(path string) ([]byte, error) {
	file, err := os.Open(path) //nolint:gosec // the operator's setting
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMasterKeyFile, err)
	}
	defer file.Close() //nolint:errcheck // only read
	// The open file is asked, so that it cannot be exchanged between check and use.
	info, err := file.Stat()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMasterKeyFile, err)
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 && runtime.GOOS != "windows" {
		return nil, fmt.Errorf("%w: %s has mode %04o, others may use it: run chmod 600 on it", ErrMasterKeyFile, path, mode)
	}
	text, err := io.ReadAll(io.LimitReader(file, 1<<10))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMasterKeyFile, err)
	}
	master, err := ParseMasterKey(string(text))
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrMasterKeyFile, path, err)
	}
	return master, nil
}

// createMasterKey writes a new key completely before it appears under its name, and never replaces a file: a second process
// sees either no key or a whole one. It returns fs.ErrExist if another process was faster.
func createMasterKey(path string) error {
	master := make([]byte, MasterKeySize)
	if _, err := rand.Read(master); err != nil {
		return err
	}
	text := base64.StdEncoding.EncodeToString(master) + "\n"
	draft := path + ".new-" + rand.Text()
	if err := writeNew(draft, text); err != nil {
		return err
	}
	defer os.Remove(draft) //nolint:errcheck // a left-over draft does no harm
	err := os.Link(draft, path)
	if err != nil && !errors.Is(err, fs.ErrExist) {
		// Some file systems have no hard links. A second process may then meet a file that is still empty, and says so.
		err = writeNew(path, text)
	}
	if err != nil {
		return err
	}
	return syncDirectory(filepath.Dir(path))
}

func writeNew(path, text string) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600) //nolint:gosec // the operator's setting
	if err != nil {
		return err
	}
	_, err = file.WriteString(text)
	return errors.Join(err, file.Sync(), file.Close())
}

// syncDirectory makes the new name durable: everything sealed later is lost with the key.
func syncDirectory(path string) error {
	if runtime.GOOS == "windows" {
		return nil // directories cannot be synced there
	}
	directory, err := os.Open(path) //nolint:gosec // the operator's setting
	if err != nil {
		return err
	}
	return errors.Join(directory.Sync(), directory.Close())
}
