package operator

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/urfave/cli/v3"

	"github.com/writ-auth/writ/models"
)

// session is one run of a command. The server is opened with the first request, when arguments and passwords have been found right.
type session struct {
	*Program

	cmd    *cli.Command
	args   []string
	server Server
	client *http.Client
}

// patience bounds one request.
const patience = time.Minute

func (s *session) open(ctx context.Context) error {
	if s.server != nil {
		return nil
	}
	server, err := s.choose(ctx)
	if err != nil {
		return err
	}
	s.server = server
	s.client = &http.Client{
		Transport: server, Timeout: patience,
		// The token is for the server that was named, and for nobody it refers to.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return nil
}

// settings are the flags that say which database is meant.
func (s *session) settings() []string {
	var settings []string
	for _, name := range []string{"config", "data-dir", "database", "master-key-file"} {
		if s.cmd.IsSet(name) {
			settings = append(settings, "--"+name+"="+s.cmd.String(name))
		}
	}
	return settings
}

// choose opens the server of --url, or one on the database.
func (s *session) choose(ctx context.Context) (Server, error) {
	settings := s.settings()
	switch {
	case !s.cmd.IsSet("url") && (s.cmd.IsSet("token-file") || s.cmd.Bool("insecure-http")):
		return nil, usage("--token-file and --insecure-http belong to --url")
	case !s.cmd.IsSet("url"):
		return s.Local(ctx, settings)
	case settings != nil:
		return nil, usage("--url is a running server: it has its own settings, and those of a database have no use")
	}
	return s.remote()
}

func (s *session) close() error {
	if s.server == nil {
		return nil
	}
	return s.server.Close()
}

// call is a request of the wire contract.
type call struct {
	method string
	path   []string // unescaped
	query  url.Values
	body   any    // nil: none
	what   string // what the path names, should it not exist
}

// reply is the answer, numbers as json.Number.
type reply map[string]any

// do sends a request. A refusal becomes a *Failure.
func (s *session) do(ctx context.Context, c call) (reply, error) {
	if err := s.open(ctx); err != nil {
		return nil, err
	}
	request, err := s.request(ctx, c)
	if err != nil {
		return nil, err
	}
	response, err := s.client.Do(request)
	if err != nil {
		return nil, unreachable(err)
	}
	defer response.Body.Close() //nolint:errcheck // only read
	body, err := readReply(response.Body)
	if err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusOK {
		return nil, refusal(response.StatusCode, body, c.what)
	}
	if body == nil {
		return nil, failed("the server does not answer as Writ does; is the URL right?")
	}
	return body, nil
}

func (s *session) request(ctx context.Context, c call) (*http.Request, error) {
	var b strings.Builder
	b.WriteString(s.server.Base())
	for _, segment := range c.path {
		b.WriteString("/" + url.PathEscape(segment))
	}
	if len(c.query) > 0 {
		b.WriteString("?" + c.query.Encode())
	}
	var body io.Reader
	if c.body != nil {
		text, err := json.Marshal(c.body)
		if err != nil {
			return nil, err
		}
		body = bytes.NewReader(text)
	}
	request, err := http.NewRequestWithContext(ctx, c.method, b.String(), body)
	if err != nil {
		return nil, err
	}
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	return request, nil
}

// maxReply bounds what is read: a thousand users with all their properties fit.
const maxReply = 128 << 20

// readReply decodes an answer; nil means that it is no JSON object.
func readReply(from io.Reader) (reply, error) {
	text, err := io.ReadAll(io.LimitReader(from, maxReply))
	if err != nil {
		return nil, unreachable(err)
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var body reply
	if decoder.Decode(&body) != nil {
		body = nil
	}
	return body, nil
}

// unreachable leaves out the method and the query that net/http puts around the reason.
func unreachable(err error) error {
	if failure, is := errors.AsType[*Failure](err); is {
		return failure
	}
	if around, is := errors.AsType[*url.Error](err); is {
		return failed("the server cannot be reached: %v", around.Err)
	}
	return failed("the server cannot be reached: %v", err)
}

// refusal is the *Failure of an error answer.
func refusal(status int, body reply, what string) error {
	code, description := text(body["error"]), text(body["error_description"])
	switch {
	case code == "service_resource_not_found":
		return notFound("%s does not exist", what)
	case code == "not_found", code == "not_allowed":
		return failed("the server does not know this call: it is another version of Writ")
	case status == http.StatusNotFound && strings.HasPrefix(code, "organization_application"):
		// The server's words repeat the path of the request, which nobody typed.
		before, _, _ := strings.Cut(description, " from URI:")
		return notFound("%s", models.Printable(before))
	case status == http.StatusNotFound && code != "":
		return notFound("%s", models.Printable(description))
	case code == "":
		return failed("the server does not answer as Writ does (HTTP status %d); is the URL right?", status)
	case description == "":
		return failed("the server refuses: %s", models.Printable(code))
	}
	return failed("%s (%s)", models.Printable(description), models.Printable(code))
}

// entity is the one entity of an answer.
func (r reply) entity() map[string]any {
	if entities := r.list("entities"); len(entities) > 0 {
		return entities[0]
	}
	return map[string]any{}
}

// list gives the objects of a member.
func (r reply) list(member string) []map[string]any {
	values, _ := r[member].([]any)
	objects := make([]map[string]any, 0, len(values))
	for _, value := range values {
		if one, is := value.(map[string]any); is {
			objects = append(objects, one)
		}
	}
	return objects
}

func (r reply) object(member string) map[string]any {
	object, _ := r[member].(map[string]any)
	return object
}

// pages collects a list, at most limit objects, 0 for all of them.
func (s *session) pages(ctx context.Context, c call, member string, limit int) ([]map[string]any, error) {
	all := []map[string]any{}
	if c.query == nil {
		c.query = url.Values{}
	}
	for {
		size := models.MaxLimit
		if limit > 0 {
			size = min(size, limit-len(all))
		}
		c.query.Set("limit", text(size))
		page, err := s.do(ctx, c)
		if err != nil {
			return nil, err
		}
		all = append(all, page.list(member)...)
		cursor := text(page["cursor"])
		if cursor == "" || limit > 0 && len(all) >= limit {
			return all, nil
		}
		c.query.Set("cursor", cursor)
	}
}
