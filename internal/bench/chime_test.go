package main

import (
	"context"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	chimeclient "chime-offboarding/internal/chime"
	"chime-offboarding/internal/suspension"
)

func TestCheckCalls(t *testing.T) {
	const signed = "AWS4-HMAC-SHA256 Credential=AKID/20261123/us-east-1/chime/aws4_request, SignedHeaders=host, Signature=0"
	suspend := func(account string, ids ...string) call {
		return call{
			method:        "POST",
			url:           "/accounts/" + account + "/users?operation=suspend",
			authorization: signed,
			body:          []byte(`{"UserIdList":["` + strings.Join(ids, `","`) + `"]}`),
		}
	}
	changed := func(c call, change func(*call)) call {
		change(&c)
		return c
	}
	asked := event{users: map[user]bool{{"a", "1"}: true, {"a", "2"}: true, {"b", "1"}: true}}
	for _, test := range []struct {
		name  string
		calls []call
		want  int
		err   string
	}{
		{"all in two calls", []call{suspend("a", "1", "2"), suspend("b", "1")}, 2, ""},
		{"one call for each", []call{suspend("a", "1"), suspend("a", "2"), suspend("b", "1")}, 3, ""},
		{"nothing to do", nil, 0, ""},
		{"a call where there should be none", []call{suspend("a", "1")}, 0, "1 calls for 3 users instead of 0"},
		{"a call too many", []call{suspend("a", "1"), suspend("a", "2"), suspend("b", "1")}, 2, "3 calls for 3 users instead of 2"},
		{"a user missed", []call{suspend("a", "1"), suspend("b", "1")}, 2, "1 users were not suspended"},
		{"a user twice", []call{suspend("a", "1", "2", "1"), suspend("b", "1")}, 2, "suspended twice"},
		{"a user nobody asked for", []call{suspend("a", "1", "2"), suspend("b", "1", "2")}, 2, "not asked for"},
		{"a user of another account", []call{suspend("a", "1", "2"), suspend("c", "1")}, 2, "not asked for"},
		{"51 users", []call{suspend("a", make([]string, 51)...), suspend("b", "1")}, 2, "has 51 users"},
		{"no signature", []call{changed(suspend("a", "1", "2"), func(c *call) { c.authorization = "" }), suspend("b", "1")}, 2, "not signed"},
		{"a signature for another service", []call{changed(suspend("a", "1", "2"), func(c *call) {
			c.authorization = strings.Replace(signed, "/chime/", "/sqs/", 1)
		}), suspend("b", "1")}, 2, "not signed"},
		{"another operation", []call{changed(suspend("a", "1", "2"), func(c *call) {
			c.url = "/accounts/a/users?operation=unsuspend"
		}), suspend("b", "1")}, 2, "is not BatchSuspendUser"},
		{"another method", []call{changed(suspend("a", "1", "2"), func(c *call) { c.method = "PUT" }), suspend("b", "1")}, 2, "is not BatchSuspendUser"},
		{"garbage", []call{changed(suspend("a", "1", "2"), func(c *call) { c.body = []byte("{") }), suspend("b", "1")}, 2, "reading a call"},
	} {
		t.Run(test.name, func(t *testing.T) {
			err := checkCalls(test.calls, asked, test.want)
			if test.err == "" && err != nil || test.err != "" && (err == nil || !strings.Contains(err.Error(), test.err)) {
				t.Errorf("the error is %v, want %q", err, test.err)
			}
		})
	}
}

func TestChimeKeepsTheCallsOfTheRealClient(t *testing.T) {
	e, err := newEvent(200)
	if err != nil {
		t.Fatal(err)
	}
	var c chime
	server := httptest.NewServer(&c)
	defer server.Close()
	client := chimeclient.NewClient(aws.Config{
		Region:       "us-east-1",
		Credentials:  credentials.NewStaticCredentialsProvider("AKID", "secret", ""),
		BaseEndpoint: &server.URL,
	})
	perAccount := make(map[string][]*suspension.User)
	for u := range e.users {
		perAccount[u.account] = append(perAccount[u.account], &suspension.User{ID: u.id})
	}
	for account, users := range perAccount {
		answer, err := client.Suspend(context.Background(), account, users)
		if err != nil {
			t.Fatal(err)
		}
		if slices.ContainsFunc(answer.Results, func(r suspension.Result) bool { return r.Outcome != suspension.Suspended }) {
			t.Errorf("of account %s not all are suspended: %v", account, answer.Results)
		}
	}
	if err := checkCalls(c.take(), e, e.calls); err != nil {
		t.Error(err)
	}
	if left := c.take(); len(left) > 0 {
		t.Errorf("%d calls are still there", len(left))
	}
}
