package main

import (
	"context"
	"fmt"
	"time"
)

const (
	stormGoal = 3.0
	stormAim  = 2.0
	// stormConnections log in without a pause: more than the hashing workers can serve, fewer than their queue holds.
	stormConnections = 64
	calmConnections  = 16
	// calmRate is well below what the server can do: latency under overload says nothing about a storm.
	calmRate = 1_000
)

// storm measures the latency of client_credentials without and with a storm of logins.
func (b *bench) storm(ctx context.Context) error {
	s, err := b.seedOf(ctx, 1_000)
	if err != nil {
		return err
	}
	clients, err := s.clients(ctx, 1_000)
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
	for _, kind := range []struct {
		what string
		rate float64
		goal bool
	}{
		{fmt.Sprintf("p99 of client_credentials at %d/s in a storm of logins", calmRate), calmRate, true},
		{"p99 of client_credentials, 16 connections without a pause, in a storm of logins", 0, true},
	} {
		w := &weather{server: writ, clients: clients, logins: logins, rate: kind.rate}
		for range b.rounds {
			if err := w.round(ctx, b); err != nil {
				return err
			}
		}
		b.report.add(kind.what, fmt.Sprintf("≤ %.0f × without, aim %.0f", stormGoal, stormAim), w.ratio.text("%.1f"), judged(w.ratio.median() <= stormGoal))
		b.report.detail("\n%s: p50 %.0f → %.0f µs, p99 %.0f → %.0f µs, %.0f → %.0f requests/s beside %.0f logins/s.", kind.what,
			w.calm50.median(), w.storm50.median(), w.calm.median(), w.stormy.median(), w.calmPerSecond.median(), w.stormPerSecond.median(), w.perSecond.median())
	}
	return nil
}

// weather is the same load in calm and storm.
type weather struct {
	server                        *process
	clients, logins               []target
	rate                          float64
	ratio, calm, stormy           sample // p99
	calm50, storm50               sample
	calmPerSecond, stormPerSecond sample
	perSecond                     sample // logins
}

func (w *weather) round(ctx context.Context, b *bench) error {
	paced := func(p *plan) { p.Rate = w.rate }
	calm, err := b.load(ctx, w.server, calmConnections, w.clients, paced)
	if err != nil {
		return err
	}
	type result struct {
		outcome outcome
		err     error
	}
	storming := make(chan result, 1)
	go func() {
		o, err := b.load(ctx, w.server, stormConnections, w.logins, func(p *plan) { p.Duration += p.WarmUp + 500*time.Millisecond })
		storming <- result{o, err}
	}()
	wait(ctx, b.warmUp) // until the queue is full
	stormy, err := b.load(ctx, w.server, calmConnections, w.clients, paced)
	logins := <-storming
	if err != nil {
		return err
	}
	if logins.err != nil {
		return logins.err
	}
	w.ratio = append(w.ratio, stormy.P99/calm.P99)
	w.calm, w.stormy = append(w.calm, calm.P99), append(w.stormy, stormy.P99)
	w.calm50, w.storm50 = append(w.calm50, calm.P50), append(w.storm50, stormy.P50)
	w.calmPerSecond, w.stormPerSecond = append(w.calmPerSecond, calm.perSecond()), append(w.stormPerSecond, stormy.perSecond())
	w.perSecond = append(w.perSecond, logins.outcome.perSecond())
	fmt.Fprintf(b.notes, "  p99 %.0f µs → %.0f µs (%.1f), %.0f/s → %.0f/s beside %.0f logins/s\n", calm.P99, stormy.P99, stormy.P99/calm.P99,
		calm.perSecond(), stormy.perSecond(), logins.outcome.perSecond())
	return nil
}
