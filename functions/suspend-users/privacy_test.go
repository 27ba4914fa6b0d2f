package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"
)

const chimeText = "Jane Doe is ill"

// chimes are ways of Chime to talk about people: in all it can say of a user, of a call, and in what is not its language.
var chimes = map[string]func(http.ResponseWriter, *http.Request) bool{
	"as in the story": nil,
	"UserErrors": func(w http.ResponseWriter, r *http.Request) bool {
		var input struct{ UserIDList []string }
		_ = json.NewDecoder(r.Body).Decode(&input) // The answer would be without errors.
		var answer struct{ UserErrors []map[string]string }
		for i, id := range append(input.UserIDList, chimeText) {
			code := []string{"Throttled", "NotFound", chimeText}[i%3]
			answer.UserErrors = append(answer.UserErrors, map[string]string{"UserId": id, "ErrorCode": code, "ErrorMessage": chimeText})
		}
		return json.NewEncoder(w).Encode(answer) == nil
	},
	"BadRequestException":   refusing(http.StatusBadRequest, "BadRequestException"),
	"AccessDeniedException": refusing(http.StatusForbidden, "AccessDeniedException"),
	"no name":               refusing(http.StatusConflict, chimeText),
	"text":                  refusing(http.StatusConflict, ""),
}

func refusing(status int, name string) func(http.ResponseWriter, *http.Request) bool {
	return func(w http.ResponseWriter, _ *http.Request) bool {
		w.Header().Set("X-Amzn-Errortype", name)
		w.WriteHeader(status)
		body := fmt.Sprintf(`{"Message": %q}`, chimeText)
		if name == "" {
			body = chimeText
		}
		_, err := w.Write([]byte(body))
		return err == nil
	}
}

// withheld finds the fields of the stories' bodies that nobody but the queues has to know, also in JSON in a string.
var withheld = regexp.MustCompile(`(?:reason|requestedBy|effectiveAt|detail-type|source|TopicArn|Subject)\\*": *\\*"([^"\\]+)`)

// TestPrivacy looks for what is nobody's business in all that the function prints in any story, at the most talkative level.
func TestPrivacy(t *testing.T) {
	settings := map[string]string{
		"AWS_LAMBDA_LOG_LEVEL":  "DEBUG",
		"AWS_ACCESS_KEY_ID":     "AKIDPRIVATE",
		"AWS_SECRET_ACCESS_KEY": "SECRETPRIVATE",
		"AWS_SESSION_TOKEN":     "TOKENPRIVATE",
	}
	for file := range stories {
		var event events.SQSEvent
		if err := json.Unmarshal(read(t, file), &event); err != nil {
			t.Fatal(err)
		}
		private := []string{chimeText, "PRIVATE", "Signature", "Credential", "struck", "no such user"}
		for _, record := range event.Records {
			private = append(private, record.Body, strings.Trim(fmt.Sprintf("%q", record.Body), `"`))
			for _, field := range withheld.FindAllStringSubmatch(record.Body, -1) {
				private = append(private, field[1])
			}
		}
		for name, chime := range chimes {
			t.Run(file+" "+name, func(t *testing.T) {
				t.Parallel()
				var output bytes.Buffer
				tell(t, read(t, file), settings, chime, &output)
				if !strings.Contains(output.String(), `"UsersSuspended":`) {
					t.Errorf("the metrics are missing in the output:\n%s", &output)
				}
				for _, text := range private {
					if strings.Contains(output.String(), text) {
						t.Errorf("%q is in the output:\n%s", text, &output)
					}
				}
			})
		}
	}
}
