package store

import (
	"encoding/base64"
	"strconv"
	"strings"

	"gorm.io/gorm"

	"github.com/writ-auth/writ/models"
)

// ordering is how a list is paged: by a time and, within it, by an identifier. Both columns stand in an index.
type ordering[T any] struct {
	time, id   string
	descending bool
	of         func(*T) (int64, string)
}

// list reads one page. It pages by key, not by offset: rows that come and go meanwhile neither repeat nor hide others.
func list[T any](db *gorm.DB, page models.Page, by ordering[T]) ([]T, string, error) {
	limit := page.Limit
	if limit <= 0 {
		limit = models.DefaultLimit
	}
	limit = min(limit, models.MaxLimit)
	compare, direction := " > ", ""
	if by.descending {
		compare, direction = " < ", " DESC"
	}
	if page.Cursor != "" {
		at, id, ok := parseCursor(page.Cursor)
		if !ok {
			return nil, "", models.Illegal("cursor is malformed")
		}
		if by.id == "" {
			db = db.Where(by.time+compare+"?", at)
		} else {
			db = db.Where("("+by.time+", "+by.id+")"+compare+"(?, ?)", at, id)
		}
	}
	order := by.time + direction
	if by.id != "" {
		order += ", " + by.id + direction
	}
	// One row more than asked for tells whether there is a next page.
	rows := []T{}
	err := db.Order(order).Limit(limit + 1).Find(&rows).Error
	if err != nil || len(rows) <= limit {
		return rows, "", classify(err)
	}
	rows = rows[:limit]
	return rows, cursor(by.of(&rows[limit-1])), nil
}

func cursor(at int64, id string) string {
	return base64.RawURLEncoding.EncodeToString([]byte(strconv.FormatInt(at, 10) + ":" + id))
}

func parseCursor(text string) (at int64, id string, ok bool) {
	plain, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return 0, "", false
	}
	before, id, ok := strings.Cut(string(plain), ":")
	if !ok || id == "" {
		return 0, "", false
	}
	at, err = strconv.ParseInt(before, 10, 64)
	return at, id, err == nil
}
