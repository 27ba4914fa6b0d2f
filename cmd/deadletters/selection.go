package main

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v3"

	"chime-offboarding/internal/failure"
	"chime-offboarding/internal/request"
)

// selection says which letters are meant. A letter has to be among each kind of what is given.
type selection struct {
	codes, accounts, users, ids []string
	olderThan, newerThan        time.Duration // 0 if not given
}

func selectionFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringSliceFlag{Name: "code", Usage: "only letters with this `CODE`, or several with commas; " + none + " is for letters without one"},
		&cli.StringSliceFlag{Name: "account", Usage: "only letters for this Chime `ACCOUNT`, or several with commas; " + none + " is for invalid requests"},
		&cli.StringSliceFlag{Name: "user", Usage: "only letters for this Chime `USER`; repeat it for several"},
		&cli.StringSliceFlag{Name: "id", Usage: "only the letter with this message `ID`, or the letters of the source message with it, or several with commas"},
		&cli.StringFlag{Name: "older-than", Usage: "only letters that failed longer ago than this `AGE`: 90m, 36h, 3d"},
		&cli.StringFlag{Name: "newer-than", Usage: "only letters that failed less long ago than this `AGE`"},
	}
}

// messageID is the form of SQS's message IDs.
var messageID = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

// readSelection returns the selection of the flags, or all that is wrong with it.
func readSelection(cmd *cli.Command) (selection, error) {
	var s selection
	var problems []error
	for _, list := range []struct {
		flag     string
		values   *[]string
		commas   bool
		valid    func(string) bool
		expected string
	}{
		{"code", &s.codes, true, func(v string) bool { return v == none || failure.IsCode(v) }, "an error code: give one such as NotFound, or " + none},
		{"account", &s.accounts, true, func(v string) bool { return v == none || request.ValidAccountID(v) }, "the ID of a Chime account: give one, or " + none},
		{"user", &s.users, false, request.ValidUserID, "the ID of a Chime user"},
		{"id", &s.ids, true, messageID.MatchString, "a message ID: give one such as 5fea7756-0ea4-451a-a703-a558b933e274"},
	} {
		for _, given := range cmd.StringSlice(list.flag) {
			values := []string{given}
			if list.commas {
				values = strings.Split(given, ",")
			}
			for _, value := range values {
				value = strings.TrimSpace(value)
				if !list.valid(value) {
					problems = append(problems, fmt.Errorf("-%s: %q is not %s", list.flag, value, list.expected))
				}
				*list.values = append(*list.values, value)
			}
		}
	}
	for _, age := range []struct {
		flag  string
		value *time.Duration
	}{{"older-than", &s.olderThan}, {"newer-than", &s.newerThan}} {
		if !cmd.IsSet(age.flag) {
			continue
		}
		var err error
		if *age.value, err = parseAge(cmd.String(age.flag)); err != nil {
			problems = append(problems, fmt.Errorf("-%s: %w", age.flag, err))
		}
	}
	if s.newerThan > 0 && s.olderThan >= s.newerThan {
		problems = append(problems, fmt.Errorf("nothing is older than %v and newer than %v: swap -older-than and -newer-than", s.olderThan, s.newerThan))
	}
	return s, errors.Join(problems...)
}

// parseAge reads a duration, also one in days.
func parseAge(text string) (time.Duration, error) {
	age, err := time.ParseDuration(text)
	if days, ok := strings.CutSuffix(text, "d"); ok {
		var n uint64
		n, err = strconv.ParseUint(days, 10, 16) // 65,535 days do not overflow.
		age = time.Duration(n) * 24 * time.Hour
	}
	if err != nil || age <= 0 {
		return 0, fmt.Errorf("%q is not an age: give one such as 90m, 36h or 3d", text)
	}
	return age, nil
}

// empty reports whether nothing narrows it down.
func (s *selection) empty() bool {
	return len(s.codes)+len(s.accounts)+len(s.users)+len(s.ids) == 0 && s.olderThan+s.newerThan == 0
}

// matches reports whether the letter is meant.
func (s *selection) matches(l *letter, now time.Time) bool {
	among := func(wanted []string, has ...string) bool {
		return len(wanted) == 0 || slices.ContainsFunc(has, func(h string) bool { return slices.Contains(wanted, h) })
	}
	age := now.Sub(l.since())
	return among(s.codes, l.code()) && among(s.accounts, l.account()) && among(s.users, l.UserIDs...) &&
		among(s.ids, l.MessageID, l.SourceMessageID) &&
		(s.olderThan == 0 || age > s.olderThan) && (s.newerThan == 0 || age < s.newerThan)
}
