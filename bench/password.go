package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/writ-auth/writ/grants"
)

const (
	passwordGoal        = 0.95
	passwordConnections = 16
)

// hashOrder is what the sub-command hash reads, hashOutcome what it answers.
type (
	hashOrder struct {
		Callers          int
		WarmUp, Duration time.Duration
	}
	hashOutcome struct{ PerSecond float64 }
)

// hashAlone runs the pool of hashing workers without any server around it, under as many callers as a server would have.
func hashAlone(ctx context.Context, stdin io.Reader, stdout io.Writer) error {
	var order hashOrder
	if err := json.NewDecoder(stdin).Decode(&order); err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	passwords := grants.NewPasswords(grants.Policy{MinLength: 8}, 0)
	passwords.HashApart(slog.New(slog.DiscardHandler), self, "hasher") // as in the server
	hash, err := passwords.Hash(ctx, seedPassword)
	if err != nil {
		return err
	}
	var (
		group sync.WaitGroup
		done  atomic.Int64
		over  atomic.Bool
		wrong atomic.Bool
	)
	for range order.Callers {
		group.Go(func() {
			for !over.Load() {
				if ok, _, err := passwords.Verify(ctx, hash, seedPassword); err != nil || !ok {
					wrong.Store(true)
					return
				}
				done.Add(1)
			}
		})
	}
	wait(ctx, order.WarmUp)
	before, started := done.Load(), time.Now()
	wait(ctx, order.Duration)
	rate := float64(done.Load()-before) / time.Since(started).Seconds()
	over.Store(true)
	group.Wait()
	if wrong.Load() {
		return errors.New("a right password was refused")
	}
	return json.NewEncoder(stdout).Encode(hashOutcome{rate})
}

// passwordGrant compares logins through the server with what the hash alone allows.
func (b *bench) passwordGrant(ctx context.Context) error {
	s, err := b.seedOf(ctx, 1_000)
	if err != nil {
		return err
	}
	logins, err := s.logins(ctx, 1_000)
	if err != nil {
		return err
	}
	writ, err := b.startWrit(ctx, s)
	if err != nil {
		return err
	}
	defer writ.end()
	var ratio, perSecond sample
	for range b.rounds {
		alone, err := ask[hashOutcome](ctx, b.self, "hash", hashOrder{passwordConnections, b.warmUp, b.round})
		if err != nil {
			return err
		}
		o, err := b.load(ctx, writ, passwordConnections, logins, nil)
		if err != nil {
			return err
		}
		ratio, perSecond = append(ratio, o.perSecond()/alone.PerSecond), append(perSecond, o.perSecond())
		fmt.Fprintf(b.notes, "  %.1f logins/s, %.2f of the hash alone\n", o.perSecond(), o.perSecond()/alone.PerSecond)
	}
	b.report.add("password grant, 16 connections", fmt.Sprintf("≥ %.2f of the hash alone", passwordGoal), ratio.text("%.2f"),
		judged(ratio.median() >= passwordGoal))
	b.report.detail("\nPassword grant: %.0f logins/s (argon2id, 19 MiB, t=2, p=1).", perSecond.median())
	return nil
}
