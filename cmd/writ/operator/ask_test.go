package operator

import "testing"

func TestGeneratedPasswordsAreNeverTheSame(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, minLength := range []int{4, 8, 29, 30, 100, 256} {
		for range 20 {
			password := GeneratePassword(minLength)
			if seen[password] || len(password) < max(29, minLength) || len(password) > 256 {
				t.Errorf("minimum %d: %d characters, seen %v", minLength, len(password), seen[password])
			}
			seen[password] = true
		}
	}
}
