package main

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/writ-auth/writ/keys"
	"github.com/writ-auth/writ/models"
	"github.com/writ-auth/writ/store"
)

// Each parse function says in one phrase what it wants. Phrases never repeat the value: it may be a secret.

func parseNotEmpty(value string, into *string) error {
	if value == "" {
		return errors.New("must not be empty")
	}
	*into = value
	return nil
}

func parseToggle(value string, into *bool) error {
	switch value {
	case "on", "true":
		*into = true
	case "off", "false":
		*into = false
	default:
		return errors.New("must be on or off")
	}
	return nil
}

func parseWord(value string, into *string, allowed ...string) error {
	if !slices.Contains(allowed, value) {
		return fmt.Errorf("must be one of %s", strings.Join(allowed, ", "))
	}
	*into = value
	return nil
}

// parseChoice reads one of two words; into tells whether it was the word asked about.
func parseChoice(value, asked string, into *bool, allowed ...string) error {
	var word string
	if err := parseWord(value, &word, allowed...); err != nil {
		return err
	}
	*into = word == asked
	return nil
}

func parseNumber(value string, into *int, low, high int) error {
	n, err := strconv.Atoi(value)
	if err != nil || n < low || n > high {
		return fmt.Errorf("must be a whole number from %d to %d", low, high)
	}
	*into = n
	return nil
}

// Bounds of token-ttl. The upper one is HARD_MAX of the wire contract (§3): 100 years of 365 days.
const (
	shortestTTL = time.Second
	longestTTL  = 100 * 365 * 24 * time.Hour
)

func parseTTL(value string, into *time.Duration) error {
	ttl, err := time.ParseDuration(value)
	if err != nil || ttl < shortestTTL || ttl > longestTTL || ttl%time.Millisecond != 0 {
		return errors.New("must be a duration with its unit from 1s to 876000h, such as 30m or 24h")
	}
	*into = ttl
	return nil
}

// Bounds of audit-retention. What is kept for less than an hour need not be recorded.
const (
	day              = 24 * time.Hour
	shortestKept     = time.Hour
	longestKeptDays  = 36500
	retentionMessage = "must be 0 or a duration with its unit from 1h to 36500d, such as 365d or 48h"
)

// parseRetention takes days besides the units of Go: nobody thinks of a year in hours.
func parseRetention(value string, into *time.Duration) error {
	*into = 0
	if value == "0" {
		return nil
	}
	kept := parseDays(value)
	if kept < shortestKept || kept > longestKeptDays*day {
		return errors.New(retentionMessage)
	}
	*into = kept
	return nil
}

// parseDays reads a duration in Go's units or in days; what is none is 0.
func parseDays(value string) time.Duration {
	if days, inDays := strings.CutSuffix(value, "d"); inDays {
		n, err := strconv.ParseUint(days, 10, 16)
		if err != nil || n > longestKeptDays {
			return 0
		}
		return time.Duration(n) * day
	}
	d, err := time.ParseDuration(value)
	if err != nil {
		return 0
	}
	return d
}

// Bounds of key-rotation: a key signs for longer than its successor is announced.
const (
	shortestRotation = 3 * keys.DefaultAnnounce
	longestRotation  = 3650 * day
)

func parseRotation(value string, into *time.Duration) error {
	*into = 0
	if value == "off" || value == "0" {
		return nil
	}
	rotation := parseDays(value)
	if rotation < shortestRotation || rotation > longestRotation {
		return errors.New("must be off or a duration with its unit from 6h to 3650d, such as 30d")
	}
	*into = rotation
	return nil
}

func parseListen(value string, into *string) error {
	_, port, err := net.SplitHostPort(value)
	if err != nil {
		return errors.New("must be host:port, such as 127.0.0.1:8080")
	}
	if n, err := strconv.Atoi(port); err != nil || n < 0 || n > 65535 {
		return errors.New("must have a port from 0 to 65535, such as 127.0.0.1:8080")
	}
	*into = value
	return nil
}

// parsePublicURL takes scheme, host and port only: issuers are compared byte by byte, so there must be one way to write them.
func parsePublicURL(value string, into *string) error {
	origin, err := parseOrigin(value)
	if err != nil {
		return err
	}
	*into = origin
	return nil
}

// parseOrigin folds scheme and host. RFC 6454 §4.
func parseOrigin(value string) (string, error) {
	u, err := url.Parse(value)
	switch {
	case err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Hostname() == "" || u.Opaque != "":
		return "", errors.New("must be http or https, host and port, such as https://id.example.com")
	case u.User != nil || u.Path != "" || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || strings.HasSuffix(value, "#"):
		return "", errors.New("must have neither path (nor a final slash), nor user, query or fragment, such as https://id.example.com")
	case strings.HasSuffix(u.Host, ":"):
		return "", errors.New("must have a port behind the colon")
	}
	if port := u.Port(); port != "" {
		if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
			return "", errors.New("must have a port from 1 to 65535")
		}
	}
	return u.Scheme + "://" + strings.ToLower(u.Host), nil
}

func parseOrigins(value string, into *[]string) error {
	*into = nil
	if strings.TrimSpace(value) == "" {
		return nil
	}
	for part := range strings.SplitSeq(value, ",") {
		part = strings.TrimSpace(part)
		if part == "*" {
			*into = append(*into, part)
			continue
		}
		origin, err := parseOrigin(part)
		if err != nil {
			return fmt.Errorf("each origin %w, or *", err)
		}
		*into = append(*into, origin)
	}
	return nil
}

func parseDatabase(value string, into *string) error {
	switch {
	case store.IsPostgres(value):
		if store.CheckDatabase(value) != nil {
			return errors.New("must be postgres://USER:PASSWORD@HOST:PORT/NAME?sslmode=verify-full, special characters percent-encoded")
		}
	case !strings.HasPrefix(value, "sqlite:") || value == "sqlite:":
		return errors.New("must be sqlite:PATH, such as sqlite:writ-data/writ.db, or postgres://USER:PASSWORD@HOST:PORT/NAME")
	case strings.Contains(value, ":memory:"):
		return errors.New("must name a file: a database in memory would forget every revocation")
	}
	*into = value
	return nil
}

func parseUsername(value string, into *string) error {
	name, err := models.Username(value)
	if err != nil {
		return errors.New("must be a username: 1 to 255 letters, digits, spaces or _-.'+@%, not \"me\"")
	}
	*into = name
	return nil
}

func parseMasterKey(value string, into *[]byte) error {
	key, err := keys.ParseMasterKey(value)
	if err != nil {
		return fmt.Errorf("must be base64 of %d bytes, as `openssl rand -base64 %d` makes it", keys.MasterKeySize, keys.MasterKeySize)
	}
	*into = key
	return nil
}

func parseLevel(value string, into *slog.Level) error {
	var word string
	if err := parseWord(value, &word, "debug", "info", "warn", "error"); err != nil {
		return err
	}
	return into.UnmarshalText([]byte(word))
}
