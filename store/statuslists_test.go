package store

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/writ-auth/writ/models"
)

// Tokens go to the next list when half of a list is given out; a small list stands for a large one.
// SEC-65
func TestANewStatusListIsBegunWhenHalfOfOneIsGivenOut(t *testing.T) {
	t.Parallel()
	s := openTest(t, nil)
	w := furnish(t, s, time.Now())
	ctx, scope := t.Context(), w.shop.ID.String()
	small := models.StatusList{ID: uuid.New(), Scope: scope, Number: 1, Size: 64, Salt: []byte("salt")}
	if err := s.writer.Create(&small).Error; err != nil {
		t.Fatal(err)
	}
	numbers := map[int64]int{}
	for i := range 40 {
		list, index, err := s.FreeStatusEntry(ctx, scope)
		if err != nil {
			t.Fatal(err)
		}
		numbers[list.Number]++
		token := registeredToken(w.dana.ID, w.shop.ID, fmt.Sprint("token", i))
		token.StatusList, token.StatusIndex = &list.ID, &index
		if err := s.RegisterToken(ctx, token); err != nil {
			t.Fatal(err)
		}
	}
	if numbers[1] != 32 || numbers[2] != 8 || len(numbers) != 2 {
		t.Errorf("tokens by list: %v", numbers)
	}
}
