package statuslist_test

import (
	"bytes"
	"compress/zlib"
	"encoding/base64"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/writ-auth/writ/verifier/statuslist"
)

const uri = "https://example.com/statuslists/1"

func payload(members map[string]any) []byte {
	all := map[string]any{"sub": uri, "iat": 1686920170, "status_list": map[string]any{"bits": 1, "lst": "eNrbuRgAAhcBXQ"}}
	for name, value := range members {
		if all[name] = value; value == nil {
			delete(all, name)
		}
	}
	text, err := json.Marshal(all)
	if err != nil {
		panic(err)
	}
	return text
}

func pack(data []byte) string {
	var packed bytes.Buffer
	w := zlib.NewWriter(&packed)
	_, _ = w.Write(data)
	_ = w.Close()
	return base64.RawURLEncoding.EncodeToString(packed.Bytes())
}

// The examples of §4.1 and §4.2.
func TestTheDraftsExamplesAreRead(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		bits int
		lst  string
		want []statuslist.Status
	}{
		{1, "eNrbuRgAAhcBXQ", []statuslist.Status{1, 0, 0, 1, 1, 1, 0, 1, 1, 1, 0, 0, 0, 1, 0, 1}},
		{2, "eNo76fITAAPfAgc", []statuslist.Status{1, 2, 0, 3, 0, 1, 0, 1, 1, 2, 3, 3}},
	} {
		list, err := statuslist.Parse(payload(map[string]any{"status_list": map[string]any{"bits": c.bits, "lst": c.lst}}), uri, statuslist.DefaultLimit)
		if err != nil {
			t.Fatal(err)
		}
		if list.Len() != int64(len(c.want)) {
			t.Errorf("%d bits: %d entries", c.bits, list.Len())
		}
		for i, want := range c.want {
			if got, err := list.At(int64(i)); err != nil || got != want {
				t.Errorf("%d bits: entry %d is %d (%v), want %d", c.bits, i, got, err, want)
			}
		}
	}
}

func TestEveryEntryOfEverySizeIsFound(t *testing.T) {
	t.Parallel()
	for _, bits := range []int{1, 2, 4, 8} {
		want := make([]byte, 1000)
		data := make([]byte, 1000*bits/8)
		for i := range want {
			want[i] = byte(rand.IntN(1<<bits) & 0xff)
			data[i*bits/8] |= want[i] << (i * bits % 8)
		}
		list, err := statuslist.Parse(payload(map[string]any{"status_list": map[string]any{"bits": bits, "lst": pack(data)}}), uri, 1000)
		if err != nil {
			t.Fatal(err)
		}
		for i := range want {
			if got, err := list.At(int64(i)); err != nil || got != statuslist.Status(want[i]) {
				t.Fatalf("%d bits: entry %d is %d (%v), want %d", bits, i, got, err, want[i])
			}
		}
	}
}

// SEC-65
func TestAnIndexThatIsNotInTheListIsAnError(t *testing.T) {
	t.Parallel()
	list, err := statuslist.Parse(payload(nil), uri, statuslist.DefaultLimit)
	if err != nil {
		t.Fatal(err)
	}
	for _, index := range []int64{-1, 16, 17, 1 << 40, 1<<63 - 1, -1 << 63} {
		if got, err := list.At(index); !errors.Is(err, statuslist.ErrIndex) || got == statuslist.Valid {
			t.Errorf("%d: %d, %v", index, got, err)
		}
	}
}

// SEC-65
func TestWhatIsNoStatusListIsRefused(t *testing.T) {
	t.Parallel()
	list := func(bits any, lst any) map[string]any {
		return map[string]any{"status_list": map[string]any{"bits": bits, "lst": lst}}
	}
	trailing, _ := base64.RawURLEncoding.DecodeString("eNrbuRgAAhcBXQ")
	trailing = append(trailing, 0)
	for name, c := range map[string]struct {
		members map[string]any
		want    error
	}{
		"of another address":       {map[string]any{"sub": uri + "0"}, statuslist.ErrSubject},
		"of an address like it":    {map[string]any{"sub": uri + "/"}, statuslist.ErrSubject},
		"without sub":              {map[string]any{"sub": nil}, statuslist.ErrSubject},
		"without iat":              {map[string]any{"iat": nil}, statuslist.ErrForm},
		"iat is text":              {map[string]any{"iat": "1"}, statuslist.ErrForm},
		"iat beyond all times":     {map[string]any{"iat": 1e300}, statuslist.ErrForm},
		"exp beyond all times":     {map[string]any{"exp": 1e300}, statuslist.ErrForm},
		"ttl is zero":              {map[string]any{"ttl": 0}, statuslist.ErrForm},
		"ttl is negative":          {map[string]any{"ttl": -5}, statuslist.ErrForm},
		"ttl overflows":            {map[string]any{"ttl": 1e18}, statuslist.ErrForm},
		"without list":             {map[string]any{"status_list": nil}, statuslist.ErrForm},
		"list is text":             {map[string]any{"status_list": "x"}, statuslist.ErrForm},
		"no bits":                  {map[string]any{"status_list": map[string]any{"lst": "eNrbuRgAAhcBXQ"}}, statuslist.ErrForm},
		"three bits":               {list(3, "eNrbuRgAAhcBXQ"), statuslist.ErrForm},
		"sixteen bits":             {list(16, "eNrbuRgAAhcBXQ"), statuslist.ErrForm},
		"a fraction of bits":       {list(1.5, "eNrbuRgAAhcBXQ"), statuslist.ErrForm},
		"no data":                  {list(1, ""), statuslist.ErrForm},
		"not base64url":            {list(1, "eNrbuRgAAhcBXQ=="), statuslist.ErrForm},
		"with a line break":        {list(1, "eNrbuRg\nAAhcBXQ"), statuslist.ErrForm},
		"not zlib":                 {list(1, "AAAAAAAA"), statuslist.ErrForm},
		"cut":                      {list(1, "eNrbuRgAAhc"), statuslist.ErrForm},
		"with another check sum":   {list(1, "eNrbuRgAAhcBXA"), statuslist.ErrForm},
		"with data after the end":  {list(1, base64.RawURLEncoding.EncodeToString(trailing)), statuslist.ErrForm},
		"that unpacks to too much": {list(1, pack(make([]byte, 1001))), statuslist.ErrSize},
		"a bomb":                   {list(1, pack(make([]byte, 20<<20))), statuslist.ErrSize},
	} {
		if got, err := statuslist.Parse(payload(c.members), uri, 1000); !errors.Is(err, c.want) || got != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, text := range []string{"", "null", "[]", "{", `{"sub":""}`} {
		if _, err := statuslist.Parse([]byte(text), "", 1000); err == nil {
			t.Errorf("%q is read", text)
		}
	}
	if _, err := statuslist.Parse(payload(list(1, pack(make([]byte, 1000)))), uri, 1000); err != nil {
		t.Errorf("a list as long as may be: %v", err)
	}
}

// SEC-65
func TestTimesOfAListAreHonoured(t *testing.T) {
	t.Parallel()
	list, err := statuslist.Parse(payload(map[string]any{"iat": 1000, "exp": 2000.5, "ttl": 1.5}), uri, 1000)
	if err != nil {
		t.Fatal(err)
	}
	if list.TTL != 1500*time.Millisecond {
		t.Errorf("ttl is %v", list.TTL)
	}
	for now, want := range map[int64]error{939: statuslist.ErrFuture, 940: nil, 1999: nil, 2000: statuslist.ErrExpired, 3000: statuslist.ErrExpired} {
		if err := list.Check(time.Unix(now, 0)); !errors.Is(err, want) {
			t.Errorf("at %d: %v, want %v", now, err, want)
		}
	}
	if list, _ = statuslist.Parse(payload(nil), uri, 1000); list.Check(time.Unix(1<<33, 0)) != nil {
		t.Error("a list without exp expires")
	}
}

func FuzzParse(f *testing.F) {
	f.Add(payload(nil))
	f.Add(payload(map[string]any{"status_list": map[string]any{"bits": 8, "lst": pack([]byte{1, 2, 3})}, "ttl": 5, "exp": 7}))
	f.Fuzz(func(t *testing.T, text []byte) {
		list, err := statuslist.Parse(text, uri, 1000)
		if err != nil {
			return
		}
		if list.URI != uri || list.TTL < 0 || list.Len() > 8000 {
			t.Fatalf("%+v", list)
		}
		for _, index := range []int64{0, list.Len() - 1} {
			if _, err := list.At(index); err != nil && list.Len() > 0 {
				t.Fatalf("entry %d of %d: %v", index, list.Len(), err)
			}
		}
	})
}
