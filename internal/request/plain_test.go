package request_test

import (
	"testing"

	"chime-offboarding/internal/request"
)

// TestWhatIsReadTheQuickWay has the bodies that are worth it, and those of which the other way alone knows what to make.
func TestWhatIsReadTheQuickWay(t *testing.T) {
	t.Parallel()
	hr := request.Request{AccountID: "acme-enterprise", CorrelationID: "offboarding-1001", RequestedBy: "hr-system", Reason: "Café, \"left\"\n"}
	for body, want := range map[string]bool{
		`{"accountId": "acme-enterprise", "userId": "ada-lovelace", "correlationId": "offboarding-1001", "requestedBy": "hr-system", "reason": "Last working day 2026-09-21"}`: true,
		`{"accountId":"acme-team","userId":"6a7e8feb-b491-4cf7-a9f1-5bb2e1d04a6c","correlationId":"offboarding-0001","requestedBy":"hr-system","reason":"Last working day"}`:   true,
		"{\n\t\"userId\": \"ada\",\r\n\t\"accountId\": \"acme\"\n}\n": true,
		string(hr.AppendBody(nil, "ada.lovelace@example.com")):        true,
		`{}`:                                          true,
		with(`"reason": "", "requestedBy": ""`):       true,
		user(" \tada\u00A0"):                          true,
		with(`"userId": "ada"`):                       false,
		with(`"reason": "", "reason": ""`):            false,
		with(`"reason": null`):                        false,
		with(`"reason": 1`):                           false,
		with(`"reason": "\u0041"`):                    false,
		with(`"reason": "\ud800"`):                    false,
		with("\"reason\": \"\xff\""):                  false,
		with("\"reason\": \"\x00\""):                  false,
		with(`"Reason": "left"`):                      false,
		with(`"id": "e"`):                             false,
		`{"accountId": "acme", "user\u0049d": "ada"}`: false,
		ada + "\x00":                                  false,
		ada + "x":                                     false,
		ada + ada:                                     false,
		"\uFEFF" + ada:                                false,
		ada[:len(ada)-1]:                              false,
		"[" + ada + "]":                               false,
		users("ada", "bob"):                           false,
		notification(ada):                             false,
		event(`"e"`, ada):                             false,
		"":                                            false,
	} {
		quick, same := request.IsPlain(body)
		if quick != want || quick && !same {
			t.Errorf("%q: quick is %t, want %t; the same is %t", body, quick, want, same)
		}
	}
}
