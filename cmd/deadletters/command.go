package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v3"
)

const helpTemplate = `{{.FullName}}: {{.Usage}}

{{.Description}}
{{if .VisibleCommands}}
COMMANDS
{{range .VisibleCommands}}  {{.Name}}{{"\t"}}{{.Usage}}
{{end}}{{end}}
FLAGS
{{range .VisibleFlags}}  {{.}}
{{end}}`

const description = `Each command takes the queue by its URL or by the name of the CloudFormation stack. The region is that of the queue's URL,
credentials are the AWS CLI's. With a URL at 127.0.0.1, such as that of make run KEEP=1, no credentials are needed;
other stand-ins go by AWS_ENDPOINT_URL_SQS and AWS_ENDPOINT_URL_CLOUDFORMATION.

Letters are invisible to others while they are read, and visible again at the end, also after Ctrl-C. Where the process is
killed, that takes 15 minutes. A run looks at 100,000 letters at most: more cannot be in flight at once.

EXAMPLES
  deadletters list -stack chime-offboarding
  deadletters show -stack chime-offboarding -code NotFound | jq -r '.userIds[]'
  deadletters redrive -stack chime-offboarding -code Throttled,ServiceUnavailable
  deadletters discard -stack chime-offboarding -code InvalidRequest -older-than 3d

EXIT CODES (of the built program; go run makes 1 of all but 0)
  0  done
  1  failed: no letter was sent or deleted
  2  wrong usage: nothing was touched
  3  no letter matches, or there is none
  4  done in part, or of a part of the queue: what was left out is said`

const listDescription = `Counts by code and account, the group with the oldest letter first. A letter's age counts from its failure, or, where it
has no reason, from when it was first sent. Letters without a reason are listed under the code @none: the queue's own
redrive policy has moved them, or somebody has sent them. Invalid requests are listed under the account @none.

Reading a letter counts as receiving it. CloudWatch's ApproximateAgeOfOldestMessage leaves out messages that were received
three times or more: do not watch it on this queue, but ApproximateNumberOfMessagesVisible.

EXAMPLES
  deadletters list -queue-url https://sqs.us-east-1.amazonaws.com/123456789012/dead-letters
  deadletters list -stack chime-offboarding -newer-than 1h`

const showDescription = `Prints each letter as one line of JSON, in no order, and nothing else on standard output. Fields that a letter does not have
are left out; body is the body as it is, and accountId, userIds and correlationId are there if it is a valid request.
The fields: messageId, sentAt, errorCode, errorMessage, sourceMessageId, sourceQueueArn, receiveCount, failedAt, requestId,
accountId, userIds, correlationId, body.

EXAMPLES
  deadletters show -stack chime-offboarding | jq -s 'sort_by(.failedAt)[] | {failedAt, errorCode, errorMessage, userIds}'
  deadletters show -stack chime-offboarding -code @none | jq -r .body
  deadletters show -stack chime-offboarding -user ada-lovelace`

const redriveDescription = `Sends the body of each letter to the source queue as it is, and then deletes the letter, in that order: what breaks in
between doubles a letter and loses none, and suspending somebody twice does no harm in an EnterpriseLWA account. Without
-yes it says what it would do, and how. Letters that arrive meanwhile, also those that come back, are left alone.

EXAMPLES
  deadletters redrive -stack chime-offboarding -code Throttled,ServiceUnavailable
  deadletters redrive -stack chime-offboarding -code Throttled,ServiceUnavailable -yes
  deadletters redrive -stack chime-offboarding -account acme-enterprise -newer-than 2h -rate 10 -yes
  deadletters redrive -queue-url http://127.0.0.1:9911/123456789012/suspension-dead-letters \
    -source-queue-url http://127.0.0.1:9911/123456789012/suspension-requests -code NotFound`

const discardDescription = `Writes the letters to a new file, in the form of show, and only then asks and deletes them. The file is on disk before the
first letter is deleted. To send them after all: jq -r .body is what the source queue takes.

EXAMPLES
  deadletters discard -stack chime-offboarding -code InvalidRequest
  deadletters discard -stack chime-offboarding -id 5fea7756-0ea4-451a-a703-a558b933e274 -file ticket-4711.jsonl -yes`

// command returns the command line.
func (p *program) command() *cli.Command {
	all := &cli.BoolFlag{Name: "all", Usage: "every letter"}
	root := &cli.Command{
		Name:        "deadletters",
		Usage:       "looks at the worker's dead letters, sends them back and discards them",
		Description: description,
		Action: func(_ context.Context, cmd *cli.Command) error {
			if name := cmd.Args().First(); name != "" {
				return usage(fmt.Errorf("there is no command %q", name))
			}
			return usage(errors.New("give a command"))
		},
		Commands: []*cli.Command{
			{
				Name: "list", Usage: "counts letters by code and account", Description: listDescription,
				Flags: slices.Concat(queueFlags(), selectionFlags()), Action: p.list,
			},
			{
				Name: "show", Usage: "prints letters as lines of JSON", Description: showDescription,
				Flags: slices.Concat(queueFlags(), selectionFlags()), Action: p.show,
			},
			{
				Name: "redrive", Usage: "sends letters to the source queue again", Description: redriveDescription,
				Flags: slices.Concat(queueFlags(), selectionFlags(), []cli.Flag{all}, redriveFlags()), Action: p.redrive,
			},
			{
				Name: "discard", Usage: "deletes letters for good", Description: discardDescription,
				Flags: slices.Concat(queueFlags(), selectionFlags(), []cli.Flag{all}, discardFlags()), Action: p.discard,
			},
		},
	}
	for _, cmd := range append(root.Commands, root) {
		p.finish(cmd)
	}
	return root
}

// finish sets what all commands have in common.
func (p *program) finish(cmd *cli.Command) {
	cmd.Reader, cmd.Writer, cmd.ErrWriter = p.in, p.out, p.err
	cmd.HideHelpCommand = true
	cmd.CustomHelpTemplate, cmd.CustomRootCommandHelpTemplate = helpTemplate, helpTemplate
	cmd.DisableSliceFlagSeparator = true                               // A user's ID may have a comma.
	cmd.ExitErrHandler = func(context.Context, *cli.Command, error) {} // The library's own would end the process.
	cmd.OnUsageError = func(_ context.Context, _ *cli.Command, err error, _ bool) error { return usage(err) }
	cmd.Flags = append(cmd.Flags, &cli.BoolFlag{Name: "help", Aliases: []string{"h"}, Usage: "show this"})
	for _, f := range cmd.Flags {
		if f, ok := f.(interface{ SetStringer(s cli.FlagStringFunc) }); ok {
			f.SetStringer(flagLine)
		}
	}
	if action := cmd.Action; len(cmd.Commands) == 0 {
		cmd.Action = func(ctx context.Context, cmd *cli.Command) error {
			if cmd.Args().Present() {
				return usage(fmt.Errorf("%q belongs to no flag", cmd.Args().First()))
			}
			return action(ctx, cmd)
		}
	}
}

// flagLine writes a flag with one dash, as the examples do. Two are as good.
func flagLine(f cli.Flag) string {
	name, text, _ := strings.Cut(cli.FlagStringer(f), "\t")
	name, _, _ = strings.Cut(name, " [") // that it may be repeated
	name, _, _ = strings.Cut(name, ", ") // a short form
	return "-" + strings.TrimLeft(name, "-") + "\t" + text
}

// usage returns the mistakes on the command line as one error, or nil without any.
func usage(mistakes ...error) error {
	err := errors.Join(mistakes...)
	if err == nil {
		return nil
	}
	return &exitError{fmt.Errorf("%w\nSee deadletters -help", err), exitUsage}
}
