package keys

import (
	"bytes"
	"errors"
	"testing"
)

// SEC-53
func TestSealerOpensWhatItSealed(t *testing.T) {
	t.Parallel()
	s := newSealer(t, 1)
	for _, plain := range [][]byte{{}, []byte("x"), bytes.Repeat([]byte("secret"), 1000)} {
		sealed, err := s.Seal("purpose", plain)
		if err != nil {
			t.Fatal(err)
		}
		if len(plain) > 1 && bytes.Contains(sealed, plain) {
			t.Error("the plain text is in the sealed one")
		}
		opened, err := s.Open("purpose", sealed)
		if err != nil || !bytes.Equal(opened, plain) {
			t.Errorf("got %q, %v", opened, err)
		}
		again, err := s.Seal("purpose", plain)
		if err != nil || bytes.Equal(again, sealed) {
			t.Errorf("sealed twice the same way, %v", err)
		}
	}
}

func TestOpenRefusesAnotherMasterKeyPurposeOrByte(t *testing.T) {
	t.Parallel()
	s := newSealer(t, 1)
	sealed, err := s.Seal("signing-key:a", []byte("secret"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := newSealer(t, 2).Open("signing-key:a", sealed); !errors.Is(err, ErrMasterKey) {
		t.Errorf("another master key: %v", err)
	}
	for _, purpose := range []string{"signing-key:b", "", "signing-key:a "} {
		if _, err := s.Open(purpose, sealed); !errors.Is(err, ErrSealed) {
			t.Errorf("purpose %q: %v", purpose, err)
		}
	}
	for i := range sealed {
		damaged := bytes.Clone(sealed)
		damaged[i] ^= 1
		want := ErrSealed
		if i >= 1 && i < sealHeader {
			want = ErrMasterKey
		}
		if plain, err := s.Open("signing-key:a", damaged); !errors.Is(err, want) || plain != nil {
			t.Errorf("byte %d changed: %q, %v", i, plain, err)
		}
		if plain, err := s.Open("signing-key:a", sealed[:i]); !errors.Is(err, ErrSealed) || plain != nil {
			t.Errorf("cut to %d bytes: %q, %v", i, plain, err)
		}
	}
	if _, err := s.Open("signing-key:a", append(bytes.Clone(sealed), 0)); !errors.Is(err, ErrSealed) {
		t.Errorf("a byte more: %v", err)
	}
}

func TestSealedTextSaysVersionAndMasterKeyOnly(t *testing.T) {
	t.Parallel()
	first, err := newSealer(t, 1).Seal("a", []byte("x"))
	if err != nil {
		t.Fatal(err)
	}
	second, err := newSealer(t, 1).Seal("b", []byte("y"))
	if err != nil {
		t.Fatal(err)
	}
	if first[0] != sealVersion || !bytes.Equal(first[:sealHeader], second[:sealHeader]) {
		t.Errorf("headers %x and %x", first[:sealHeader], second[:sealHeader])
	}
	if master := bytes.Repeat([]byte{1}, masterIDLen); bytes.Contains(first[:sealHeader], master) {
		t.Error("the id shows bytes of the master key")
	}
}

func TestNewSealerDemandsAWholeMasterKey(t *testing.T) {
	t.Parallel()
	for _, size := range []int{0, 16, 31, 33, 64} {
		if _, err := NewSealer(make([]byte, size)); err == nil {
			t.Errorf("%d bytes were accepted", size)
		}
	}
}
