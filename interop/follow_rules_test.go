package interop

import (
	"strconv"
	"testing"
	"time"
)

// denying is a document that denies tokens by their jti.
func denying(t *testing.T, from, seq int, ids ...string) map[string]any {
	t.Helper()
	tokens := []map[string]any{}
	for _, id := range ids {
		tokens = append(tokens, map[string]any{"jti": hashed(t, id), "exp": time.Now().Unix() + 3600})
	}
	return map[string]any{"from": from, "seq": seq, "tokens": tokens}
}

func with(document map[string]any, name string, value any) map[string]any {
	document[name] = value
	return document
}

// TestFollowersKeepTheRulesOfTheFeed plays everything to the examples that docs/feed.md says a reader must cope with.
//
// SEC-61, SEC-65
func TestFollowersKeepTheRulesOfTheFeed(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"gohttp", "node", "python"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			prepared := examples()[name].prepare(t)
			p := pretend(t)
			p.list(denying(t, 0, 10, "a"), denying(t, 0, 10), denying(t, 0, 10, "b"))
			p.broken = 1
			follower{t, p, prepared(t, "WRIT_ISSUER="+p.issuer()), 10}.rules()
		})
	}
}

// follower is one that listens to a pretender.
type follower struct {
	*testing.T
	p   *pretender
	s   *service
	seq int
}

const soonEnough = 20 * time.Second // the longest pauses between attempts, and some

func (f *follower) refused(what, id string) {
	f.Helper()
	f.s.becomes(f.T, what, "GET", "/whoami", f.p.token(f.T, "one", id, 1), 401, soonEnough)
}

func (f *follower) accepted(what, id string) {
	f.Helper()
	f.s.want(f.T, what, "GET", "/whoami", f.p.token(f.T, "one", id, 1), 200)
}

// increment is what comes next: from where the last one ended.
func (f *follower) increment(ids ...string) map[string]any {
	f.Helper()
	f.seq++
	return denying(f.T, f.seq-1, f.seq, ids...)
}

// read waits until everything that was sent has been read, by a mark behind it.
func (f *follower) read(what string) {
	f.Helper()
	mark := "mark " + strconv.Itoa(f.seq+1)
	f.p.say(f.p.signed(f.T, "one", f.increment(mark)))
	f.refused(what+": the mark behind it", mark)
}

// insist repeats a document, as a server does to whoever asks again, until the token is refused. A reader may not fetch keys all the time.
func (f *follower) insist(document, what, token string) {
	f.Helper()
	for began := time.Now(); f.s.ask(f.T, "GET", "/whoami", token).status != 401; <-time.After(500 * time.Millisecond) {
		if time.Since(began) > soonEnough {
			f.Fatalf("%s: still accepted", what)
		}
		f.p.say(document)
	}
}

func (f follower) rules() {
	f.refused("of the first page", "a")
	f.refused("of the last page, when the pages were of different lists at first", "b")
	f.accepted("a living token", "live")
	f.increments()
	f.unworthy()
	f.complete()
	f.dropped()
}

func (f *follower) increments() {
	f.p.say(f.p.signed(f.T, "one", f.increment("c")))
	f.refused("of an increment", "c")
	// It may begin before our position, and may be empty.
	f.seq += 3
	f.p.say(f.p.signed(f.T, "one", denying(f.T, 5, f.seq, "d")), f.p.signed(f.T, "one", denying(f.T, f.seq, f.seq)))
	f.refused("of an increment that overlaps", "d")
	// An older one is ignored, with its state.
	f.p.say(f.p.signed(f.T, "one", with(denying(f.T, 5, 8), "ended", true)))
	f.read("an older increment")
	f.accepted("after an older increment that says it has ended", "live")
	// So is one that came late: nothing has been added since, but what it says of the state is out of date.
	f.p.say(f.p.signed(f.T, "one", with(with(denying(f.T, f.seq, f.seq), "ended", true), "as_of", time.Now().Unix()-100)))
	f.read("an increment that came late")
	f.accepted("after a late increment that says it has ended", "live")

	subject := func(gen int) []map[string]any {
		return []map[string]any{{"sub": hashed(f.T, "user e"), "gen": gen, "exp": time.Now().Unix() + 3600}}
	}
	f.p.say(f.p.signed(f.T, "one", with(f.increment(), "subjects", subject(3))))
	f.refused("of a denied subject", "e")
	f.p.say(f.p.signed(f.T, "one", with(f.increment(), "subjects", subject(2))))
	f.read("a lower generation")
	f.s.want(f.T, "a token below the highest generation", "GET", "/whoami", f.p.token(f.T, "one", "e", 2), 401)
	f.s.want(f.T, "a token of that generation", "GET", "/whoami", f.p.token(f.T, "one", "e", 3), 200)
	f.p.say(f.p.signed(f.T, "one", with(with(f.increment(), "unknown", map[string]any{"x": 1}), "ended", false)))
	f.read("a member that nobody knows")
}

// unworthy are documents that nobody may believe. Each would deny a living token.
func (f *follower) unworthy() {
	lie := func() map[string]any { return denying(f.T, f.seq, f.seq, "live") }
	token := f.p.token(f.T, "one", "c", 1)
	for what, document := range map[string]string{
		"of an unknown key": f.p.signed(f.T, "stranger", lie()),
		"of another issuer": f.p.signed(f.T, "one", with(lie(), "iss", f.p.server.URL+"/acme/depot")),
		"of another type":   f.p.typed(f.T, "writ-policy+jwt", "one", lie()),
		"of a token's type": f.p.typed(f.T, "at+jwt", "one", lie()),
		"an access token":   token,
		"cut off":           f.p.signed(f.T, "one", lie())[:80],
		"forged":            f.p.signed(f.T, "one", lie())[:len(token)/2] + "AAAA",
		"without a key":     f.p.signed(f.T, nameless, lie()),
	} {
		f.p.offend(f.T, document)
		f.read("a document " + what)
		f.accepted("after a document "+what, "live")
	}
}

func (f *follower) complete() {
	// A gap: what was missed is in the complete list.
	f.seq += 10
	f.p.list(denying(f.T, 0, f.seq+5, "a", "f"))
	f.p.say(f.p.signed(f.T, "one", denying(f.T, f.seq+2, f.seq+5)))
	f.seq += 5
	f.refused("missed in a gap", "f")
	f.refused("of the new list", "a")
	f.s.becomes(f.T, "not in the new list", "GET", "/whoami", f.p.token(f.T, "one", "c", 1), 200, soonEnough)
	f.read("after a gap")

	// The server cannot continue, and its list is older than what is known: it adds.
	f.p.say(f.p.signed(f.T, "one", f.increment("g")))
	f.refused("known before", "g")
	f.seq -= 4
	f.p.list(denying(f.T, 0, f.seq, "h"))
	f.p.say("gone")
	f.refused("of an older list", "h")
	f.refused("known before an older list", "g")
	f.read("after an older list")

	// Another epoch begins anew, with any number.
	f.seq = 3
	f.p.list(with(denying(f.T, 0, f.seq, "i"), "epoch", "B"))
	f.p.say(f.p.signed(f.T, "one", with(denying(f.T, 2, 3), "epoch", "B")))
	f.refused("of another epoch", "i")
	f.s.becomes(f.T, "not in the other epoch", "GET", "/whoami", f.p.token(f.T, "one", "g", 1), 200, soonEnough)
	f.p.say(f.p.signed(f.T, "one", with(f.increment("j"), "epoch", "B")))
	f.refused("of an increment in the other epoch", "j")

	// An old list of another epoch, from a cache perhaps, adds, too.
	f.seq = 7
	f.p.list(with(with(denying(f.T, 0, f.seq, "k"), "epoch", "C"), "as_of", time.Now().Unix()-100))
	f.p.say("gone")
	f.refused("of an old list of another epoch", "k")
	f.refused("known before an old list of another epoch", "j")
	f.refused("known before that", "i")
}

// dropped is the emergency: a key was stolen. What tells of it comes from a key that nobody has seen.
func (f *follower) dropped() {
	f.p.publish("two")
	f.p.list(with(with(denying(f.T, 0, f.seq+1), "epoch", "C"), "keys", []string{"one"}))
	f.insist(f.p.signed(f.T, "two", with(with(f.increment(), "epoch", "C"), "keys", []string{"one"})), "of a dropped key", f.p.token(f.T, "one", "live", 1))
	// Whoever has not fetched the keys again has the stolen one still.
	f.s.want(f.T, "of a dropped key without its name", "GET", "/whoami", f.p.token(f.T, nameless, "live", 1), 401)
	two := func(id string) string { return f.p.token(f.T, "two", id, 1) }
	f.s.becomes(f.T, "of the next key", "GET", "/whoami", two("live"), 200, soonEnough)
	// The thief has the key, and says that it was not dropped.
	f.p.offend(f.T, f.p.signed(f.T, "one", with(with(denying(f.T, f.seq, f.seq), "epoch", "C"), "keys", []string{})))
	f.p.say(f.p.signed(f.T, "two", with(with(f.increment("mark"), "epoch", "C"), "keys", []string{"one"})))
	f.s.becomes(f.T, "the mark behind the thief's document", "GET", "/whoami", two("mark"), 401, soonEnough)
	f.refused("of a dropped key, after the thief's document", "live")
	f.s.want(f.T, "of the next key", "GET", "/whoami", two("live"), 200)

	f.p.say(f.p.signed(f.T, "two", with(with(with(f.increment(), "epoch", "C"), "keys", []string{"one"}), "ended", true)))
	f.s.becomes(f.T, "of an issuer that has ended", "GET", "/whoami", two("live"), 401, soonEnough)
}
