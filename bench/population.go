package main

import (
	"context"
	"fmt"
	"slices"
)

const (
	populationGoal        = 0.95
	populationConnections = 16
	// activeClients is how many clients ask in turn, out of however many there are.
	activeClients = 1_000
	// everybody bounds the clients of the last line.
	everybody = 100_000
)

// inhabited is a server on a database of some size.
type inhabited struct {
	what    string
	goal    bool
	server  *process
	targets []target
	ratio   sample // to the first
}

// population compares databases of different size. Of a large one a thousand clients are active; the last line asks all of them in
// turn, which no cache holds, for information.
func (b *bench) population(ctx context.Context) error {
	var all []*inhabited
	defer func() {
		for _, in := range all {
			in.server.end()
		}
	}()
	for _, size := range b.sizes {
		in, err := b.inhabit(ctx, size)
		if err != nil {
			return err
		}
		all = append(all, in)
	}
	last := all[len(all)-1]
	s := b.seeds[b.sizes[len(b.sizes)-1]]
	crowd := &inhabited{what: last.what + ", every one of them in turn", server: last.server}
	var err error
	if crowd.targets, err = s.clients(ctx, min(s.size, everybody)); err != nil {
		return err
	}
	compared := append(slices.Clip(all), crowd)
	if err := b.compare(ctx, compared); err != nil {
		return err
	}
	for _, in := range compared[1:] {
		b.reportPopulation(in)
	}
	b.report.detail("\nResident memory with %d clients in use: %.0f MiB.", len(crowd.targets), residentMiB(crowd.server.pid()))
	return nil
}

func (b *bench) inhabit(ctx context.Context, size int) (*inhabited, error) {
	s, err := b.seedOf(ctx, size)
	if err != nil {
		return nil, err
	}
	targets, err := s.clients(ctx, min(size, activeClients))
	if err != nil {
		return nil, err
	}
	server, err := b.startWrit(ctx, s)
	if err != nil {
		return nil, err
	}
	return &inhabited{what: fmt.Sprintf("%d clients and users", size), goal: true, server: server, targets: targets}, nil
}

func (b *bench) compare(ctx context.Context, all []*inhabited) error {
	for range b.rounds {
		first := 0.0
		for i, in := range all {
			o, err := b.load(ctx, in.server, populationConnections, in.targets, nil)
			if err != nil {
				return err
			}
			if i == 0 {
				first = o.perSecond()
			}
			in.ratio = append(in.ratio, o.perSecond()/first)
			fmt.Fprintf(b.notes, "  %s: %.2f\n", in.what, o.perSecond()/first)
		}
	}
	return nil
}

func (b *bench) reportPopulation(in *inhabited) {
	goal, met := "-", informative
	if in.goal {
		goal, met = fmt.Sprintf("≥ %.2f of one client", populationGoal), judged(in.ratio.median() >= populationGoal)
	}
	b.report.add("client_credentials, "+in.what, goal, in.ratio.text("%.2f"), met)
}
