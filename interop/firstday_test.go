package interop

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// TestFirstDayOfAnAdministrator types README's walk into bash and compares each status with the number that README has behind the line.
func TestFirstDayOfAnAdministrator(t *testing.T) {
	t.Parallel()
	bash := tool(t, "bash")
	tool(t, "curl")
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	block := regexp.MustCompile("(?s)<!-- test: first day -->\n```sh\n(.*?)```").FindSubmatch(readme)
	if block == nil {
		t.Fatal("README has no block marked as the first day")
	}
	var want []string
	for _, line := range regexp.MustCompile(`(?m)  # (\d{3})$`).FindAllSubmatch(block[1], -1) {
		want = append(want, string(line[1]))
	}
	if len(want) < 10 {
		t.Fatalf("the walk expects %d answers only", len(want))
	}
	script := strings.Replace(string(block[1]), "http://127.0.0.1:8080", start(t), 1)
	done := run(t, "", []string{"WRIT_SUPERUSER_PASSWORD=" + superuserPassword}, bash, "-c", script)
	if got := strings.Fields(done.stdout); done.code != 0 || strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("exit code %d\ngot  %v\nwant %v\n%s", done.code, got, want, done.stderr)
	}
}
