package conformance

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"chime-offboarding/internal/local/peers"
)

// table is the file that tells the table of steps to people.
const table = "../../../docs/conformance.md"

var update = flag.Bool("update", false, "write "+table)

func TestTableIsWrittenDown(t *testing.T) {
	want := document()
	if *update {
		if err := os.WriteFile(table, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(table)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("%s is not what go test -update writes (-want +got):\n%s", table, diff)
	}
}

func TestTableTellsDifferencesOnly(t *testing.T) {
	seen := map[string]bool{}
	for _, part := range parts {
		for _, s := range part.steps {
			if s.want == "" || s.elasticMQ == s.want || s.moto == s.want {
				t.Errorf("%s: %s: what is wanted has to be there and what comes of it instead to be something else", part.title, s.name)
			}
			if seen[part.title+s.name] {
				t.Errorf("%s: %s is there twice", part.title, s.name)
			}
			seen[part.title+s.name] = true
		}
	}
}

func document() string {
	var steps, ofElasticMQ, ofMoto int
	var tables strings.Builder
	for _, part := range parts {
		fmt.Fprintf(&tables, "\n## %s\n\n| step | SQS's documentation | ElasticMQ | moto |\n| --- | --- | --- | --- |\n", part.title)
		for _, s := range part.steps {
			fmt.Fprintf(&tables, "| %s | [%s](%s) | %s | %s |\n", s.name, s.want, link(s.page), s.elasticMQ, s.moto)
			steps++
			if s.elasticMQ != "" {
				ofElasticMQ++
			}
			if s.moto != "" {
				ofMoto++
			}
		}
	}

	var chime strings.Builder
	for _, c := range calls {
		comes := "its answer"
		if c.Exception != "" {
			comes = c.Exception
		}
		fmt.Fprintf(&chime, "| %s | `%s` | %s |\n", c.name, c.operation, comes)
	}

	return fmt.Sprintf(`<!-- Written by go test ./internal/local/conformance -update, and checked by go test. -->

# What the stand-ins have in common with AWS

A test on a stand-in proves what the stand-in is like. So the same steps are taken on the project's own queue, on
ElasticMQ %s, on moto %s and, where the environment names one, on Amazon SQS itself:

`+"```sh"+`
make conformance                                      # needs Java 17, Maven and Python 3
CONFORMANCE_SQS_QUEUE_PREFIX=try- make conformance    # makes queues try-… with the environment's credentials, and deletes them
`+"```"+`

A step passes if it comes to what SQS's documentation says, or for ElasticMQ and moto to exactly the difference that
stands below; a difference that goes away or comes up fails. *refused* is any error that blames the sender, for limits
that the documentation states without an error's name.

| | steps | as documented | otherwise |
| --- | ---: | ---: | ---: |
| the project's own queue | %[3]d | %[3]d | 0 |
| ElasticMQ | %[3]d | %[4]d | %[5]d |
| moto | %[3]d | %[6]d | %[7]d |
%[8]s
## Amazon Chime

The stand-in for Chime has no peer. Two clients that follow AWS's own model of the API drive it, AWS CLI %[9]s and
boto3 %[10]s. What each of them reads from the answer, an output or an error, is compared, and so is how many requests
the call took.

| call | operation | what comes of it |
| --- | --- | --- |
%[11]s`,
		peers.ElasticMQVersion, peers.MotoVersion, steps, steps-ofElasticMQ, ofElasticMQ, steps-ofMoto, ofMoto, &tables,
		peers.AWSCLIVersion, peers.Boto3Version, &chime)
}

// link returns the address of a page of SQS's API Reference or Developer Guide.
func link(page string) string {
	book := "SQSDeveloperGuide"
	if strings.HasPrefix(page, "API_") || page == "CommonErrors" {
		book = "APIReference"
	}
	return "https://docs.aws.amazon.com/AWSSimpleQueueService/latest/" + book + "/" + page + ".html"
}
