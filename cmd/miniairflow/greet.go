package main

import (
	"fmt"
	"net/url"
	"strings"
)

// greet prints the address, with the token that opens the page.
func (p *process) greet(address, token string) {
	page := address + "/ui/"
	if token != "" {
		page += "?token=" + token
	}
	fmt.Fprintf(p.std.out, "Mini Airflow %s\n\n  Page        %s\n  Playground  %s/playground\n  Workflows   %s\n  Database    %s\n\nStop it with Ctrl-C.\n",
		version, page, address, p.config.Dags, redactURL(p.config.storeURL()))
}

// redactURL returns a database URL without its password, wherever it stands.
func redactURL(text string) string {
	if strings.HasPrefix(text, "sqlite:") {
		return text
	}
	u, err := url.Parse(text)
	if err != nil {
		scheme, _, _ := strings.Cut(text, "://")
		return scheme + "://…"
	}
	if u.User != nil {
		u.User = url.User(u.User.Username())
	}
	query := u.Query()
	for _, secret := range []string{"password", "passfile", "sslpassword"} {
		query.Del(secret)
	}
	u.RawQuery = query.Encode()
	return u.String()
}
