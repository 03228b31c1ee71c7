package portal

import (
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/writ-auth/writ/grants/userimport"
)

const (
	// maxUploadField bounds a field beside a file.
	maxUploadField = 4 << 10
	// uploadPause is how long an upload may stand still, and uploadTime how long it may take.
	uploadPause = 15 * time.Second
	uploadTime  = 15 * time.Minute
	// answerTime is what remains for the answer behind an upload.
	answerTime = 30 * time.Second
)

// drained is how much of a file that is too large is still read, and thrown away, to show the page that says so.
const drained = 4 * userimport.MaxBytes

// bodyLimit is how large the body of a form may be.
func (rt *route) bodyLimit() int64 {
	if rt.needs == upload {
		return drained
	}
	return maxForm
}

// uploadsAtOnce is how many uploads of one admin are read at once: each may hold a connection for much longer than any other request.
const uploadsAtOnce = 2

// uploads are those that are being read, by admin.
type uploads struct {
	mu      sync.Mutex
	running map[uuid.UUID]int
}

func newUploads() *uploads { return &uploads{running: map[uuid.UUID]int{}} }

// begin counts an upload until done is called.
func (u *uploads) begin(admin uuid.UUID) (done func(), err error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.running[admin] >= uploadsAtOnce {
		return nil, errThrottled
	}
	u.running[admin]++
	return func() {
		u.mu.Lock()
		defer u.mu.Unlock()
		if u.running[admin]--; u.running[admin] == 0 {
			delete(u.running, admin)
		}
	}, nil
}

// readUpload takes the fields of a form with a file off the connection, up to the file, which stays there: it is for the handler to read. The form's
// seal is one of the fields, so nothing of a stranger's file is read.
func (v *visit) readUpload() error {
	media, _, err := mime.ParseMediaType(v.r.Header.Get("Content-Type"))
	if err != nil || media != "multipart/form-data" {
		return errBadForm
	}
	v.r.Body = &paced{ReadCloser: v.r.Body, connection: http.NewResponseController(v.w), began: time.Now()}
	reader, err := v.r.MultipartReader()
	if err != nil {
		return errBadForm
	}
	v.form = url.Values{}
	for {
		part, err := reader.NextPart()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return uploadProblem(err)
		}
		if part.FileName() != "" {
			v.file, v.fileName = part, part.FileName()
			return nil
		}
		if err := v.readUploadField(part); err != nil {
			return err
		}
	}
}

func (v *visit) readUploadField(part *multipart.Part) error {
	text, err := io.ReadAll(io.LimitReader(part, maxUploadField+1))
	if err != nil {
		return uploadProblem(err)
	}
	name := part.FormName()
	if _, twice := v.form[name]; twice || name == "" || len(text) > maxUploadField || !utf8.Valid(text) || len(v.form) > maxUploadFields {
		return errBadForm
	}
	v.form.Set(name, string(text))
	return nil
}

// maxUploadFields is how many fields a form with a file may have.
const maxUploadFields = 10

// uploadProblem tells what is too large from what is broken.
func uploadProblem(err error) error {
	if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
		return errTooLarge
	}
	return errBadForm
}

// paced lets a body take longer than the server gives any other request, as long as it moves: the time for a whole request would refuse every
// larger file on a slow line.
type paced struct {
	io.ReadCloser

	connection *http.ResponseController
	began      time.Time
}

var errTooSlow = errors.New("the upload takes too long")

// Read implements io.Reader.
func (p *paced) Read(into []byte) (int, error) {
	now := time.Now()
	if now.Sub(p.began) > uploadTime {
		return 0, errTooSlow
	}
	// A connection without deadlines has no bound either that could be in the way.
	_ = p.connection.SetReadDeadline(now.Add(uploadPause))
	_ = p.connection.SetWriteDeadline(now.Add(uploadPause + answerTime))
	return p.ReadCloser.Read(into)
}
