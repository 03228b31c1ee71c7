package mail

import (
	"context"
	"crypto/x509"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"
)

// Config is what a Mailer needs.
type Config struct {
	Server *Server // nil: there is none, and mails are dropped
	From   string  // sender: "user@host" or "Name <user@host>"
	// LogLinks logs the links of mails where there is no Server. Whoever reads the log can then take over accounts: for demonstrations only.
	LogLinks bool
	Logger   *slog.Logger

	Roots   *x509.CertPool  // nil: the system's
	Backoff []time.Duration // pauses before each further attempt; nil: a second, then longer, for half an hour
}

// Request says what to send. It runs in the background, and may find that there is nothing: nil.
type Request func(ctx context.Context) (*Letter, error)

// Limits of the queue.
const (
	queueSize = 1000            // requests that wait, and letters that wait for another attempt
	senders   = 4               // deliveries side by side
	drainTime = 5 * time.Second // for what is queued when the process ends
)

// Mailer sends letters in the background. Make it with New and keep Run running.
type Mailer struct {
	Config

	composer *composer
	queue    chan *job

	mu      sync.Mutex
	delayed []*job
}

// job is a request, or a letter that could not be delivered yet.
type job struct {
	request Request
	letter  *Letter
	failed  int // attempts
	due     time.Time
}

// New checks the configuration.
func New(cfg Config) (*Mailer, error) {
	m := &Mailer{Config: cfg, queue: make(chan *job, queueSize)}
	if cfg.Backoff == nil {
		m.Backoff = []time.Duration{time.Second, 5 * time.Second, 30 * time.Second, 2 * time.Minute, 10 * time.Minute, 20 * time.Minute}
	}
	if cfg.Server == nil {
		return m, nil
	}
	var err error
	m.composer, err = newComposer(cfg.From)
	return m, err
}

// Send queues a request and returns at once. A full queue drops it.
func (m *Mailer) Send(request Request) {
	if m.Server == nil && !m.LogLinks {
		return
	}
	select {
	case m.queue <- &job{request: request}:
	default:
		m.Logger.Warn("a mail was dropped: too many are waiting")
	}
}

// Run sends until ctx ends, then tries once more what is waiting, for a few seconds at most. Without a Server it says so once.
func (m *Mailer) Run(ctx context.Context) error {
	switch {
	case m.Server != nil:
	case m.LogLinks:
		m.Logger.WarnContext(ctx, "there is no SMTP server: the links of mails are logged, and whoever reads the log can take over accounts")
	default:
		m.Logger.WarnContext(ctx, "there is no SMTP server: mails are dropped, so nobody can reset a password or confirm an address")
	}
	var loops sync.WaitGroup
	for range senders {
		loops.Go(func() {
			for {
				select {
				case <-ctx.Done():
					return
				case j := <-m.queue:
					m.work(ctx, j)
				}
			}
		})
	}
	loops.Go(func() { m.wake(ctx) })
	loops.Wait()
	m.drain(context.WithoutCancel(ctx))
	return ctx.Err()
}

// wake brings letters back to the queue when their pause is over.
func (m *Mailer) wake(ctx context.Context) {
	ticker := time.NewTicker(min(m.shortest(), time.Second))
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		for _, j := range m.takeDue(time.Now()) {
			select {
			case m.queue <- j:
			case <-ctx.Done():
				m.delay(j, 0)
			}
		}
	}
}

func (m *Mailer) shortest() time.Duration {
	if len(m.Backoff) == 0 {
		return time.Second
	}
	return max(slices.Min(m.Backoff), time.Millisecond)
}

func (m *Mailer) takeDue(now time.Time) (due []*job) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.delayed = slices.DeleteFunc(m.delayed, func(j *job) bool {
		if j.due.After(now) {
			return false
		}
		due = append(due, j)
		return true
	})
	return due
}

func (m *Mailer) delay(j *job, pause time.Duration) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.delayed) >= queueSize {
		return false
	}
	j.due = time.Now().Add(pause)
	m.delayed = append(m.delayed, j)
	return true
}

// work does one job. Whatever becomes of it, it never ends the loop.
func (m *Mailer) work(ctx context.Context, j *job) {
	defer func() {
		if cause := recover(); cause != nil {
			m.Logger.Error("panic while a mail was made", "cause", cause)
		}
	}()
	if j.letter == nil {
		letter, err := j.request(ctx)
		if err != nil && ctx.Err() != nil && m.delay(j, 0) {
			return // the last try of drain
		}
		if err != nil {
			m.Logger.Error("a mail could not be prepared", "cause", err)
			return
		}
		if letter == nil {
			return
		}
		j.letter = letter
	}
	if m.Server == nil {
		m.Logger.Info("mail", "kind", string(j.letter.Kind), "to", j.letter.To, "link", j.letter.Link)
		return
	}
	m.deliver(ctx, j)
}

// deliver tries once; what time may heal is tried again.
func (m *Mailer) deliver(ctx context.Context, j *job) {
	message, err := m.composer.compose(j.letter)
	if err != nil {
		m.Logger.Warn("a mail could not be composed", "kind", string(j.letter.Kind), "cause", err)
		return
	}
	err = m.Server.deliver(ctx, m.Roots, message)
	if err == nil {
		return
	}
	j.failed++
	attempts := j.failed // once delayed, the job is somebody else's
	again := !permanent(err) && j.failed <= len(m.Backoff)
	if again && errors.Is(ctx.Err(), context.Canceled) {
		again = m.delay(j, 0) // the last try of drain
	} else if again {
		again = m.delay(j, m.Backoff[j.failed-1])
	}
	m.Logger.Warn("a mail could not be delivered",
		"kind", string(j.letter.Kind), "attempts", attempts, "again", again, "cause", reason(err))
}

// drain tries once what is left.
func (m *Mailer) drain(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, drainTime)
	defer cancel()
	left := m.takeDue(time.Now().Add(24 * time.Hour))
	for {
		select {
		case j := <-m.queue:
			left = append(left, j)
			continue
		default:
		}
		break
	}
	work := make(chan *job, len(left))
	for _, j := range left {
		work <- j
	}
	close(work)
	var loops sync.WaitGroup
	for range senders {
		loops.Go(func() {
			for j := range work {
				if ctx.Err() == nil {
					m.work(ctx, j)
				} else {
					_ = m.delay(j, 0)
				}
			}
		})
	}
	loops.Wait()
	if lost := len(m.takeDue(time.Now().Add(24 * time.Hour))); lost > 0 {
		m.Logger.Warn("mails were lost at the end", "count", lost)
	}
}
