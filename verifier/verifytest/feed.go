package verifytest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/writ-auth/writ/claims/revocation"
)

// feed is what one issuer denies.
type feed struct {
	issuer   string
	tokens   []at[revocation.Token]
	subjects []at[revocation.Subject]
	changes  []at[revocation.Change]
	policy   *revocation.Policy
	ended    bool
}

// at is an entry and the number of the change that made it.
type at[T any] struct {
	seq   int64
	entry T
}

func after[T any](all []at[T], seq int64) (entries []T) {
	for _, one := range all {
		if one.seq > seq {
			entries = append(entries, one.entry)
		}
	}
	return entries
}

// feedOf finds the feed by iss. The lock is held.
func (s *Server) feedOf(issuer string) *feed {
	if issuer == s.management.issuer {
		return s.management
	}
	return s.application
}

// document makes a signed document, complete if from is negative, and gives its position.
func (s *Server) document(f *feed, from int64, client bool) (signed string, epoch string, seq int64) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	now := s.now()
	d := revocation.Document{
		Issuer: f.issuer, IssuedAt: now.Unix(), AsOf: now.Add(-s.lag).Unix(), Epoch: s.epoch, From: max(from, 0), Seq: s.seq,
		Tokens: after(f.tokens, from), Subjects: after(f.subjects, from), Keys: s.dropped, Ended: f.ended,
	}
	if from < 0 {
		d.Complete, d.Page, d.Pages = true, 1, 1
	}
	if client {
		d.Claims = newest(after(f.changes, from))
		if f.policy != nil {
			d.Policy = f.policy.Seq
		}
	}
	return s.signDocument(revocation.Type, d), s.epoch, s.seq
}

// newest keeps the last change of each subject.
func newest(changes []revocation.Change) (kept []revocation.Change) {
	place := map[revocation.ID]int{}
	for _, change := range changes {
		if i, is := place[change.ID]; is {
			kept[i] = change
			continue
		}
		place[change.ID] = len(kept)
		kept = append(kept, change)
	}
	return kept
}

func (s *Server) signDocument(typ string, document any) string {
	payload, err := json.Marshal(document)
	if err != nil {
		panic(fmt.Sprintf("verifytest: %v", err))
	}
	return s.signing().sign(typ, payload)
}

// authenticated tells whether the request is one of a client; false, false after a refusal.
func authenticated(w http.ResponseWriter, r *http.Request, management bool) (client, ok bool) {
	if r.Header.Get("Authorization") == "" {
		return false, true
	}
	id, secret, _ := r.BasicAuth()
	if id == ClientID && secret == ClientSecret || !management && id == ApplicationID && secret == ApplicationSecret {
		return true, true
	}
	w.Header().Set("WWW-Authenticate", `Basic realm="writ"`)
	http.Error(w, "wrong credentials", http.StatusUnauthorized)
	return false, false
}

func (s *Server) serveFeed(w http.ResponseWriter, r *http.Request, f *feed) {
	client, ok := authenticated(w, r, f == s.management)
	if !ok {
		return
	}
	from, epoch := position(r)
	streams := strings.Contains(r.Header.Get("Accept"), "text/event-stream")
	s.mutex.Lock()
	known := epoch == "" || epoch == s.epoch
	s.mutex.Unlock()
	switch {
	case streams && (from < 0 || !known):
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = fmt.Fprint(w, "event: gone\ndata:\n\n")
	case streams:
		s.stream(w, r, f, from, client)
	case from < 0 || !known:
		s.answer(w, f, -1, client)
	default:
		if wait := r.URL.Query().Get("wait"); wait != "" {
			s.hold(r, from, wait)
		}
		s.answer(w, f, from, client)
	}
}

// position is where the reader is; negative: nowhere yet.
func position(r *http.Request) (from int64, epoch string) {
	query := r.URL.Query()
	text, epoch := query.Get("after"), query.Get("epoch")
	if last := r.Header.Get("Last-Event-ID"); last != "" {
		epoch, text, _ = strings.Cut(last, ":")
	}
	from, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return -1, epoch
	}
	return from, epoch
}

func (s *Server) answer(w http.ResponseWriter, f *feed, from int64, client bool) {
	text, _, _ := s.document(f, from, client)
	w.Header().Set("Content-Type", revocation.MediaType)
	w.Header().Set("Cache-Control", "no-store")
	_, _ = w.Write([]byte(text)) //nolint:gosec // a signed document, no page
}

// hold waits until there is something new, or for as long as the reader wants.
func (s *Server) hold(r *http.Request, from int64, wait string) {
	seconds, err := strconv.Atoi(strings.TrimSuffix(wait, "s"))
	if err != nil {
		return
	}
	s.mutex.Lock()
	news, cut, there := s.news, s.cut, s.seq > from
	s.mutex.Unlock()
	if there {
		return
	}
	timer := time.NewTimer(time.Duration(min(seconds, 30)) * time.Second)
	defer timer.Stop()
	select {
	case <-news:
	case <-timer.C:
	case <-cut:
		panic(http.ErrAbortHandler)
	case <-r.Context().Done():
	}
}

func (s *Server) stream(w http.ResponseWriter, r *http.Request, f *feed, from int64, client bool) {
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	out := http.NewResponseController(w)
	ticker := time.NewTicker(s.heartbeat)
	defer ticker.Stop()
	for {
		s.mutex.Lock()
		news, cut := s.news, s.cut
		s.mutex.Unlock()
		text, epoch, seq := s.document(f, from, client)
		event := fmt.Sprintf("id: %s:%d\nevent: revocations\ndata: %s\n\n", epoch, seq, text)
		if _, err := w.Write([]byte(event)); err != nil || out.Flush() != nil { //nolint:gosec // a signed document, no page
			return
		}
		from = seq
		select {
		case <-news:
		case <-ticker.C:
		case <-cut:
			panic(http.ErrAbortHandler)
		case <-r.Context().Done():
			return
		}
	}
}

func (s *Server) servePolicy(w http.ResponseWriter, r *http.Request) {
	client, ok := authenticated(w, r, false)
	if !ok {
		return
	}
	if !client {
		http.Error(w, "a client is needed", http.StatusUnauthorized)
		return
	}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	policy := *s.application.policy
	tag := fmt.Sprintf(`"%s-%d"`, policy.Epoch, policy.Seq)
	w.Header().Set("ETag", tag)
	w.Header().Set("Cache-Control", "private, no-cache")
	if r.Header.Get("If-None-Match") == tag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	policy.IssuedAt, policy.AsOf = s.now().Unix(), s.now().Add(-s.lag).Unix()
	w.Header().Set("Content-Type", revocation.PolicyMediaType)
	_, _ = w.Write([]byte(s.signDocument(revocation.PolicyType, policy)))
}
