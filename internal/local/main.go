// Command local runs the whole pipeline on one machine, without an AWS account and without Docker: requests go through a
// queue and an event source mapping into the real worker binary, which suspends users in a stand-in of Amazon Chime and
// sends dead letters. At the end every user is accounted for.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// options are the flags of the command.
type options struct {
	worker    string // path of the worker binary
	events    string // a file or a folder
	directory string
	settings  string
	log       string // where the worker's own output goes; nowhere if empty
	endpoint  string // of another SQS; empty for the one built in
	users     int    // of a synthetic load instead of events; 0 for events
	seed      uint64 // of the chaos; 0 for none
	runs      int    // of chaos, with a seed each
	soak      time.Duration
	keep      bool
	port      int // of the built-in queue, Chime's being the next one; 0 for free ones
}

// chimePort returns the port of Chime's stand-in.
func (o options) chimePort() int {
	if o.port == 0 {
		return 0
	}
	return o.port + 1
}

// keepPort is the port of a run that stays up, so that its URLs are the same each time.
const keepPort = 9911

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout)
	stop()
	switch {
	case errors.Is(err, flag.ErrHelp):
	case err != nil:
		fmt.Fprintln(os.Stderr, "local run:", err)
		os.Exit(1)
	}
}

func parse(args []string, out io.Writer) (options, error) {
	var o options
	flags := flag.NewFlagSet("local", flag.ContinueOnError)
	flags.SetOutput(io.Discard) // A mistake gets one line, not the list of all flags.
	flags.StringVar(&o.worker, "worker", "bin/suspend-users", "`path` of the worker binary")
	flags.StringVar(&o.events, "events", "events", "SQS event to send: the `path` of a file, or of a folder of files")
	flags.StringVar(&o.directory, "directory", "events/local/directory.json", "`path` of the accounts and users that the stand-in of Chime has")
	flags.StringVar(&o.settings, "settings", "events/local/settings.json", "`path` of the worker's settings, in the form of sam local's --env-vars")
	flags.StringVar(&o.log, "log", "", "`path` of a file for what the worker prints")
	flags.StringVar(&o.endpoint, "sqs-endpoint", "", "`URL` of an SQS to use instead of the one built in")
	flags.IntVar(&o.users, "users", 0, "send requests for this `number` of made-up users instead of events")
	flags.Uint64Var(&o.seed, "chaos", 0, "break everything that can break, as this `seed` has it, and count that nobody is lost")
	flags.IntVar(&o.runs, "runs", 1, "`number` of runs of chaos, each with the next seed")
	flags.DurationVar(&o.soak, "time", 0, "go on with the next seed for this `duration`, such as 10m")
	flags.BoolVar(&o.keep, "keep", false, "stay up until interrupted, and show what arrives")
	flags.IntVar(&o.port, "port", 0, "`port` of the queue on 127.0.0.1, the next one being Chime's (default: free ones, with -keep 9911 and 9912)")
	err := flags.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		flags.SetOutput(out)
		flags.Usage()
		return o, err
	case err != nil:
		return o, fmt.Errorf("%w: see -help", err)
	case flags.NArg() > 0:
		return o, fmt.Errorf("%q is not a flag: see -help", flags.Arg(0))
	case o.users < 0 || o.users > maxUsers:
		return o, fmt.Errorf("-users is %d: choose 1 to %d", o.users, maxUsers)
	case o.seed > 0 && (o.keep || o.endpoint != ""):
		return o, errors.New("-chaos goes neither with -keep nor with -sqs-endpoint: it needs a queue of its own, and an end")
	case o.port < 0 || o.port > 65534:
		return o, fmt.Errorf("-port is %d: choose 1 to 65534, or 0 for free ones", o.port)
	case o.port == 0 && o.keep:
		o.port = keepPort
	}
	return o, nil
}
