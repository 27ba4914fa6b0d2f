// Command samlocal hands SQS events to the function in the container of sam local invoke, and shows how they end. The
// stand-ins that the function talks to run in a container beside it: this command again, built for Linux. Where no image
// registry is reached, it is also the shell with which the SAM CLI builds its image.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
)

// options are the flags of the command.
type options struct {
	event     string // a file or a folder
	directory string
	settings  string
	log       string // where the output of the SAM CLI and the function goes
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := role(ctx, os.Args)
	stop()
	switch {
	case errors.Is(err, flag.ErrHelp):
	case err != nil:
		fmt.Fprintln(os.Stderr, "invoke:", err)
		os.Exit(1)
	}
}

// role does what the command is there for, which its name and first argument say.
func role(ctx context.Context, args []string) error {
	switch {
	case filepath.Base(args[0]) == "sh":
		return shell(args[1:])
	case len(args) == 2 && args[1] == standinsRole:
		return serveStandins(ctx)
	default:
		return run(ctx, args[1:], os.Stdout)
	}
}

func parse(args []string, out io.Writer) (options, error) {
	var o options
	flags := flag.NewFlagSet("samlocal", flag.ContinueOnError)
	flags.SetOutput(io.Discard) // A mistake gets one line, not the list of all flags.
	flags.StringVar(&o.event, "event", "events/user-errors.json", "the event: the `path` of a file, or of a folder of files")
	flags.StringVar(&o.directory, "directory", "events/local/directory.json", "`path` of the accounts and users that the stand-in of Chime has")
	flags.StringVar(&o.settings, "settings", "events/local/settings.json", "`path` of the function's settings, in the form of sam local's --env-vars")
	flags.StringVar(&o.log, "log", "bin/invoke.log", "`path` of a file for what the SAM CLI and the function print")
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
	}
	return o, nil
}
