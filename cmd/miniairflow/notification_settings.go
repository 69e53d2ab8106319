package main

import (
	"context"
	"net/url"
	"time"

	"github.com/spf13/pflag"
	"golang.org/x/sync/errgroup"

	"github.com/sauravritesh63/miniairflow"
	"github.com/sauravritesh63/miniairflow/notify"
	"github.com/sauravritesh63/miniairflow/runner"
)

// Shorter ones would give up what a restart of the receiver takes, longer ones hide for
// months that nobody is told anything.
const (
	notifyForMin = time.Second
	notifyForMax = 30 * 24 * time.Hour
)

// addNotificationFlags adds the flags of the process that tells people about runs.
func addNotificationFlags(flags *pflag.FlagSet) {
	flags.String("smtp-url", "", "mail server for notifications, smtp://user:password@host:587 or smtps://…:465; better given as MINIAIRFLOW_SMTP_URL")
	flags.String("smtp-from", "", "address that notifications come from by mail")
	flags.String("public-url", "", "address of this server as people reach it, for links in notifications")
	flags.Duration("notify-for", miniairflow.NotificationRetryDefault.GiveUp, "how long a notification that nobody takes is tried again; then it is stuck")
	flags.Bool("allow-private-webhooks", false, "let notifications go to webhooks on this machine and in private networks")
}

// sender returns what sends notifications. Its errors show no password.
func (c *config) sender() (*notify.Sender, error) {
	if c.PublicURL != "" {
		u, err := url.Parse(c.PublicURL)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
			return nil, usageErrorf("--public-url %s: write an address such as https://airflow.example.org", c.PublicURL)
		}
	}
	if c.NotifyFor < notifyForMin || c.NotifyFor > notifyForMax {
		return nil, usageErrorf("--notify-for %s: write a duration from %s to %s", c.NotifyFor, notifyForMin, notifyForMax)
	}
	settings := notify.Config{AllowPrivate: c.AllowPrivate}
	if c.SMTPURL != "" {
		var err error
		if settings.SMTP, err = notify.ParseSMTP(c.SMTPURL, c.SMTPFrom); err != nil {
			return nil, usageErrorf("--smtp-url: %v", err)
		}
	}
	return notify.NewSender(settings), nil
}

// startNotifier starts what tells people about runs.
func (p *process) startNotifier(ctx context.Context, group *errgroup.Group) {
	retry := miniairflow.NotificationRetryDefault
	retry.GiveUp = p.config.NotifyFor
	n := runner.NewNotifier(runner.NotifierConfig{
		Store: p.store, Evaluator: p.evaluator, Secrets: p.secrets, Messenger: p.sender, Logger: p.logger, Pulse: p.pulse,
		Retry: retry, PublicURL: p.config.PublicURL,
	})
	group.Go(func() error { return n.Run(ctx) })
}
