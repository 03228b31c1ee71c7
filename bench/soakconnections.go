package main

import (
	"context"
	"net"
	"sync"
)

// connections are those to the replicas, so that they can be cut as a balancer does when a replica does not answer its health check.
type connections struct {
	mutex sync.Mutex
	open  map[*connection]string // to which address
}

type connection struct {
	net.Conn

	of *connections
}

func (c *connections) dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	one := &connection{Conn: conn, of: c}
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if c.open == nil {
		c.open = map[*connection]string{}
	}
	c.open[one] = address
	return one, nil
}

// Close implements net.Conn.
func (c *connection) Close() error {
	c.of.mutex.Lock()
	delete(c.of.open, c)
	c.of.mutex.Unlock()
	return c.Conn.Close()
}

// cut ends all connections to an address; whoever waits for an answer gets none.
func (c *connections) cut(address string) {
	c.mutex.Lock()
	var all []net.Conn
	for one, to := range c.open {
		if to == address {
			all = append(all, one.Conn)
		}
	}
	c.mutex.Unlock()
	for _, conn := range all {
		_ = conn.Close()
	}
}
