package store

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/writ-auth/writ/models"
)

// Lists of many members are read another way than those of few. Both give everybody once, and nobody else.
func TestManyMembersAreListedLikeFew(t *testing.T) {
	t.Parallel()
	s := openTest(t, nil)
	w := furnish(t, s, time.UnixMilli(1_795_000_000_000))
	users := make([]models.User, crowd+300)
	var err error
	for i := range users {
		if users[i], err = models.NewUser(w.shop.ID, fmt.Sprint("user-", i), "", "", time.UnixMilli(1_795_000_000_000+int64(i)/2)); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.CreateUsers(t.Context(), users); err != nil {
		t.Fatal(err)
	}
	for _, many := range []int{crowd / 10, crowd + 100} {
		var want []uuid.UUID
		err := s.write(t.Context(), func(tx *transaction) error {
			for _, statement := range []string{
				"DELETE FROM role_assignments WHERE holder_kind = 'user'", "DELETE FROM group_members",
				"INSERT INTO role_assignments SELECT application_id, '" + w.clerk.ID.String() + "', 'user', id, 1 FROM users WHERE username <> 'dana' ORDER BY username LIMIT " + fmt.Sprint(many),
				"INSERT INTO group_members SELECT application_id, '" + w.staff.ID.String() + "', holder_id, 1 FROM role_assignments WHERE holder_kind = 'user'",
			} {
				if err := tx.db.Exec(statement).Error; err != nil {
					return err
				}
			}
			return tx.db.Raw("SELECT id FROM users WHERE id IN (SELECT user_id FROM group_members) ORDER BY created, id").Scan(&want).Error
		})
		if err != nil || len(want) != many {
			t.Fatal(len(want), err)
		}
		for name, next := range map[string]func(models.Page) ([]models.User, string, error){
			"role": func(page models.Page) ([]models.User, string, error) {
				return s.UsersWithRole(t.Context(), w.shop.ID, w.clerk.ID, page)
			},
			"group": func(page models.Page) ([]models.User, string, error) {
				return s.UsersInGroup(t.Context(), w.shop.ID, w.staff.ID, page)
			},
		} {
			var got []uuid.UUID
			for page := (models.Page{Limit: 700}); ; {
				rows, cursor, err := next(page)
				if err != nil {
					t.Fatal(err)
				}
				for i := range rows {
					got = append(got, rows[i].ID)
				}
				if page.Cursor = cursor; cursor == "" {
					break
				}
			}
			if !slices.Equal(got, want) {
				t.Errorf("%d with the %s: %d were listed", many, name, len(got))
			}
		}
	}
	if found, _, err := s.GroupsWithRole(t.Context(), w.shop.ID, w.clerk.ID, models.Page{}); err != nil || len(found) != 1 {
		t.Errorf("groups %v, %v", found, err)
	}
}

// With few members, or none, among very many users nobody reads the users one by one to find them.
func TestFewMembersAreFoundByTheirIdentifiers(t *testing.T) {
	t.Parallel()
	s := openTest(t, nil)
	w := furnish(t, s, time.UnixMilli(1_795_000_000_000))
	db := s.membersOf(t.Context(), w.shop.ID, "users", "role_assignments", "holder_id", "role_id = ? AND holder_kind = ?", w.clerk.ID, models.HolderUser)
	asked := db.Session(&gorm.Session{DryRun: true}).Order("created DESC, id DESC").Limit(2).Find(&[]models.User{}).Statement
	var lines []struct{ Detail string }
	if err := s.reader.Raw("EXPLAIN QUERY PLAN "+asked.SQL.String(), asked.Vars...).Scan(&lines).Error; err != nil {
		t.Fatal(err)
	}
	if len(lines) == 0 || !strings.Contains(lines[0].Detail, "SEARCH users USING INDEX sqlite_autoindex_users_1 (id=?)") {
		t.Errorf("the plan: %v", lines)
	}
}
