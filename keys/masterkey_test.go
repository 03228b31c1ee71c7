package keys

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// SEC-53
func TestMasterKeyIsCreatedOnceAndReadAgain(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "master.key")
	first, err := LoadMasterKey(path)
	if err != nil || len(first) != MasterKeySize || bytes.Equal(first, make([]byte, MasterKeySize)) {
		t.Fatalf("%d bytes, %v", len(first), err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	second, err := LoadMasterKey(path)
	if err != nil || !bytes.Equal(first, second) {
		t.Errorf("another key the second time, %v", err)
	}
	if entries, err := os.ReadDir(filepath.Dir(path)); err != nil || len(entries) != 1 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
}

func TestProcessesThatStartTogetherShareOneMasterKey(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "master.key")
	const starters = 32
	found := make([][]byte, starters)
	var group sync.WaitGroup
	for i := range starters {
		group.Go(func() {
			var err error
			if found[i], err = LoadMasterKey(path); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	for i := range found {
		if !bytes.Equal(found[i], found[0]) {
			t.Fatalf("starter %d has another key", i)
		}
	}
}

// SEC-53
func TestMasterKeyThatOthersMayUseIsRefused(t *testing.T) {
	t.Parallel()
	for _, mode := range []fs.FileMode{0o640, 0o604, 0o644, 0o660, 0o602, 0o620, 0o610, 0o666, 0o777} {
		path := filepath.Join(t.TempDir(), "master.key")
		if _, err := LoadMasterKey(path); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		if _, err := LoadMasterKey(path); !errors.Is(err, ErrMasterKeyFile) || !strings.Contains(err.Error(), "chmod 600") {
			t.Errorf("mode %04o: %v", mode, err)
		}
	}
	path := filepath.Join(t.TempDir(), "master.key")
	if _, err := LoadMasterKey(path); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o400); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadMasterKey(path); err != nil {
		t.Errorf("mode 0400: %v", err)
	}
}

func TestMasterKeyWithWrongContentIsRefusedAndNeverReplaced(t *testing.T) {
	t.Parallel()
	whole := base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{7}, MasterKeySize))
	for name, text := range map[string]string{
		"empty": "", "short": whole[:20], "33 bytes": base64.StdEncoding.EncodeToString(make([]byte, 33)), "not base64": "canary canary!",
		"two lines": whole + "\n" + whole + "\n", "long": strings.Repeat("A", 1<<20),
	} {
		path := filepath.Join(t.TempDir(), "master.key")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := LoadMasterKey(path)
		if !errors.Is(err, ErrMasterKeyFile) || strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: %v", name, err)
		}
		if left, err := os.ReadFile(path); err != nil || string(left) != text {
			t.Errorf("%s: the file was changed, %v", name, err)
		}
	}
	for _, text := range []string{whole, " " + whole + "\r\n"} {
		if master, err := ParseMasterKey(text); err != nil || master[0] != 7 {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestMasterKeyWithoutItsDirectoryIsAClearError(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "absent", "master.key")
	if _, err := LoadMasterKey(path); !errors.Is(err, ErrMasterKeyFile) || !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}
