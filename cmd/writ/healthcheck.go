package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v3"
)

// healthPatience is how long a server may take to say that it is ready.
const healthPatience = 2 * time.Second

const healthcheckHelp = `writ healthcheck - ask the server of this machine whether it is ready

Usage: writ healthcheck [settings]

Asks /readyz at the address of the setting listen, by TLS if tls-cert is set, which is taken from flag, environment or configuration file as by
` + "`writ serve`" + `. It is ready when the database answers and a token can be signed.

Exit codes: 0 ready, 1 not ready or not there, 2 for a wrong configuration.

Example:
  writ healthcheck --listen 127.0.0.1:8080
`

// healthcheckCommand is for supervisors whose container has neither shell nor curl.
func (p *process) healthcheckCommand() *cli.Command {
	return &cli.Command{
		Name:            "healthcheck",
		Usage:           "ask the server of this machine whether it is ready",
		SkipFlagParsing: true, // as for serve
		HideHelp:        true,
		Action: func(ctx context.Context, cmd *cli.Command) error {
			args := cmd.Args().Slice()
			if slices.ContainsFunc(args, isHelp) {
				_, err := fmt.Fprint(p.stdout, healthcheckHelp)
				return err
			}
			c, err := configure(args, p.environ)
			if err != nil {
				return err
			}
			return checkHealth(ctx, c)
		},
	}
}

func checkHealth(ctx context.Context, c *configuration) error {
	address := reachable(c.listen)
	if strings.HasSuffix(address, ":0") {
		return &configurationError{[]string{"listen has port 0: nobody knows where the server is"}}
	}
	ctx, cancel := context.WithTimeout(ctx, healthPatience)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, c.scheme()+"://"+address+"/readyz", nil)
	if err != nil {
		return err
	}
	// No proxy: the server is on this machine. Its certificate is for the name that clients use, and nothing secret is asked or told.
	transport := &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}} //nolint:gosec // see above
	response, err := (&http.Client{Transport: transport}).Do(request)
	if err != nil {
		if around, is := errors.AsType[*url.Error](err); is {
			err = around.Err
		}
		return fmt.Errorf("not ready: %w", err)
	}
	defer response.Body.Close() //nolint:errcheck // the status says it all
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("not ready: /readyz of %s answers %d", address, response.StatusCode)
	}
	return nil
}
