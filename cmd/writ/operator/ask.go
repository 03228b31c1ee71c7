package operator

import (
	"context"
	"crypto/rand"
	"strings"
)

// passwordFlags are how a password is given: never as an argument, which other users of the machine can read.
func passwordFlags() []flag {
	return []flag{
		{"generate", "", "generate a password and print it once"},
		{"password-stdin", "", "read the password from standard input; else a terminal is asked"},
	}
}

// password is a new password and where it came from.
type password struct {
	text      string
	generated bool
}

// shown is what may be printed: only what nobody knows yet.
func (p password) shown() string {
	if p.generated {
		return p.text
	}
	return ""
}

// newPassword reads or generates a password. Where it is optional and nobody can be asked, there is none.
func (s *session) newPassword(ctx context.Context, optional bool) (password, error) {
	generate, stdin := s.cmd.Bool("generate"), s.cmd.Bool("password-stdin")
	switch {
	case generate && stdin:
		return password{}, usage("--generate and --password-stdin: only one of them makes sense")
	case generate:
		return password{text: GeneratePassword(0), generated: true}, nil
	case stdin && s.cmd.String("token-file") == "-":
		return password{}, usage("standard input cannot be both the token and the password")
	case stdin:
		line, err := readLine(s.Stdin)
		if err == nil && line == "" {
			err = usage("there is no password on standard input")
		}
		return password{text: line}, err
	case s.Terminal != nil:
		line, err := s.askPassword(ctx, optional)
		return password{text: line}, err
	case optional:
		return password{}, nil
	}
	return password{}, usage("a password is missing: say --generate, or --password-stdin and pipe it in")
}

func (s *session) askPassword(ctx context.Context, optional bool) (string, error) {
	prompt := "New password: "
	if optional {
		prompt = "New password (empty: none): "
	}
	first, err := s.Terminal.Password(ctx, prompt)
	switch {
	case err != nil:
		return "", err
	case first == "" && optional:
		return "", nil
	case first == "":
		return "", usage("the password is empty")
	}
	second, err := s.Terminal.Password(ctx, "The same again: ")
	if err == nil && first != second {
		err = usage("the two passwords differ")
	}
	return first, err
}

// GeneratePassword makes a password with at least 128 random bits in groups that can be read aloud, minLength characters at least.
func GeneratePassword(minLength int) string {
	length := max(minLength, 29) // 26 characters of base32 are 130 bits
	var b strings.Builder
	for b.Len() < length {
		word := strings.ToLower(rand.Text())
		b.WriteString(word[:7] + "-" + word[7:14] + "-" + word[14:20] + "-" + word[20:26] + "-")
	}
	return b.String()[:length]
}

// yesFlag belongs to commands that delete.
func yesFlag() flag { return flag{"yes", "", "do not ask"} }

// confirm wants the name typed again before something is deleted.
func (s *session) confirm(ctx context.Context, name string) error {
	switch {
	case s.cmd.Bool("yes"):
		return nil
	case s.Terminal == nil:
		return usage("deleting %s needs --yes where nobody can be asked", name)
	}
	typed, err := s.Terminal.Line(ctx, "Type "+name+" to delete it: ")
	if err == nil && strings.TrimSpace(typed) != name {
		err = failed("%s was not typed: nothing is deleted", name)
	}
	return err
}
