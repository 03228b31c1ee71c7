package main

import (
	"context"
	"fmt"
)

// throughputGoal is the accepted share of the floor; 1.00 is the aim.
const throughputGoal = 0.85

// pairing is floor and Writ side by side, round by round.
type pairing struct {
	ratio             sample
	floor, writ       sample // requests/s
	floorP50, writP50 sample // µs
	floorP99, writP99 sample
	floorCPU, writCPU sample // µs per request
}

func (p *pairing) add(floor, writ outcome) {
	p.ratio = append(p.ratio, writ.perSecond()/floor.perSecond())
	p.floor, p.writ = append(p.floor, floor.perSecond()), append(p.writ, writ.perSecond())
	p.floorP50, p.writP50 = append(p.floorP50, floor.P50), append(p.writP50, writ.P50)
	p.floorP99, p.writP99 = append(p.floorP99, floor.P99), append(p.writP99, writ.P99)
	p.floorCPU, p.writCPU = append(p.floorCPU, floor.CPU), append(p.writCPU, writ.CPU)
}

// throughput is client_credentials against the floor, in turn A B A B.
func (b *bench) throughput(ctx context.Context) error {
	s, err := b.seedOf(ctx, 1)
	if err != nil {
		return err
	}
	targets, err := s.clients(ctx, 1)
	if err != nil {
		return err
	}
	floor, err := b.startFloor(ctx)
	if err != nil {
		return err
	}
	defer floor.end()
	writ, err := b.startWrit(ctx, s)
	if err != nil {
		return err
	}
	defer writ.end()
	b.report.detail("\nclient_credentials and floor in detail, medians:\n")
	b.report.detail("| connections | requests/s floor, Writ | p50 µs | p99 µs | server CPU µs per request | ratio of CPU |\n|---|---|---|---|---|---|")
	for _, connections := range []int{1, 16, 64} {
		pairs, err := b.pairs(ctx, floor, writ, connections, targets)
		if err != nil {
			return err
		}
		b.reportThroughput(connections, pairs)
	}
	b.report.detail("\nResident memory after that load: floor %.0f MiB, Writ %.0f MiB.", residentMiB(floor.pid()), residentMiB(writ.pid()))
	return nil
}

func (b *bench) pairs(ctx context.Context, floor, writ *process, connections int, targets []target) (*pairing, error) {
	p := &pairing{}
	for round := range b.rounds {
		var outcomes [2]outcome
		servers := [2]*process{floor, writ}
		for i := range servers {
			turn := (i + round) % 2 // whoever comes second finds a warmer machine
			o, err := b.load(ctx, servers[turn], connections, targets, nil)
			if err != nil {
				return nil, err
			}
			outcomes[turn] = o
		}
		p.add(outcomes[0], outcomes[1])
		fmt.Fprintf(b.notes, "  %d connections: %.2f of the floor\n", connections, p.ratio[len(p.ratio)-1])
	}
	return p, nil
}

func (b *bench) reportThroughput(connections int, p *pairing) {
	goal, met := "-", informative
	if connections > 1 {
		goal, met = fmt.Sprintf("≥ %.2f of the floor, aim 1.00", throughputGoal), judged(p.ratio.median() >= throughputGoal)
	}
	b.report.add(fmt.Sprintf("client_credentials, %d connections", connections), goal, p.ratio.text("%.2f"), met)
	b.report.detail("| %d | %.0f, %.0f | %.0f, %.0f | %.0f, %.0f | %.0f, %.0f | %.2f |", connections,
		p.floor.median(), p.writ.median(), p.floorP50.median(), p.writP50.median(), p.floorP99.median(), p.writP99.median(),
		p.floorCPU.median(), p.writCPU.median(), p.writCPU.median()/p.floorCPU.median())
}
