package worker

import (
	"io"
	"log/slog"
)

// timeFormat is RFC 3339 with milliseconds, for times in UTC.
const timeFormat = "2006-01-02T15:04:05.000Z"

// NewLogger returns a logger of one JSON object a line, with the names that Lambda looks for
// (https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-log-level.html), whatever AWS_LAMBDA_LOG_FORMAT
// says: the audit trail is searched by name.
func NewLogger(output io.Writer, level slog.Level) *slog.Logger {
	return slog.New(slog.NewJSONHandler(output, &slog.HandlerOptions{
		Level: level,
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			switch a.Key {
			case slog.TimeKey:
				return slog.String("timestamp", a.Value.Time().UTC().Format(timeFormat))
			case slog.MessageKey:
				a.Key = "message"
			}
			return a
		},
	}))
}
