// Command mutation changes the packages that it is given, one place at a time, and reports which changes their tests do not
// notice. It is what make mutation runs; docs/mutation.md has its figures.
//
// It stands in for github.com/go-gremlins/gremlins, of which v0.6.0 counts a change that does not compile as noticed and
// tries none in the condition of a case (https://github.com/go-gremlins/gremlins/pull/299).
package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// wanted is the share of the covered mutants, in percent, whose killing is success. All have to be covered.
const wanted = 90

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	var sum counts
	for _, path := range os.Args[1:] {
		c, err := mutate(ctx, path)
		if err != nil {
			stop()
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		fmt.Printf("%s: %v\n", path, c)
		for i, n := range c {
			sum[i] += n
		}
	}
	stop()
	fmt.Println("in all:", sum)
	if covered := sum.covered(); sum[uncovered] > 0 || 100*sum.caught() < wanted*covered {
		fmt.Fprintf(os.Stderr, "less than %d %% of the covered mutants are killed, or some are not covered: add assertions for those above\n", wanted)
		os.Exit(1)
	}
}

// fate is what became of a mutant.
type fate int

const (
	killed    fate = iota
	timedOut       // killed by the limit on the time of the tests
	survived       // although the tests run it
	uncovered      // survived, because no test runs it
	invalid        // does not compile
	fates
)

func (f fate) String() string {
	return [...]string{"killed", "timed out", "SURVIVED", "NOT COVERED", "does not compile"}[f]
}

type counts [fates]int

func (c counts) caught() int  { return c[killed] + c[timedOut] }
func (c counts) covered() int { return c.caught() + c[survived] }

func (c counts) String() string {
	covered, all := c.covered(), c.covered()+c[uncovered]
	return fmt.Sprintf("%d of %d covered mutants killed (%.1f %%; %d of them by the time limit), %d of %d mutants covered; %d more do not compile",
		c.caught(), covered, percent(c.caught(), covered), c[timedOut], covered, all, c[invalid])
}

func percent(n, of int) float64 { return 100 * float64(n) / float64(max(of, 1)) }

// mutate tries the mutants of a package one after the other and prints those that survive.
func mutate(ctx context.Context, path string) (c counts, err error) {
	scratch, err := os.MkdirTemp("", "mutation")
	if err != nil {
		return c, fmt.Errorf("making a scratch folder: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(scratch)) }()
	s := suite{path: path, scratch: scratch}
	if err := s.measure(ctx); err != nil {
		return c, err
	}
	for _, name := range s.GoFiles {
		name = filepath.Join(s.Dir, name)
		source, err := os.ReadFile(name)
		if err != nil {
			return c, fmt.Errorf("reading the package: %w", err)
		}
		mutants, err := mutantsOf(name, source)
		if err != nil {
			return c, err
		}
		for _, m := range mutants {
			fate, _, err := s.try(ctx, name, slices.Concat(source[:m.at.Offset], []byte(m.new), source[m.at.Offset+len(m.old):]))
			if err != nil {
				return c, err
			}
			if fate == survived && s.isUnused(m.at) {
				fate = uncovered
			}
			c[fate]++
			if fate == survived || fate == uncovered {
				fmt.Printf("%s:%d:%d: %v: %q instead of %q\n", filepath.Join(path, filepath.Base(name)), m.at.Line, m.at.Column, fate, m.new, m.old)
			}
		}
	}
	return c, nil
}

// mutant is a place of a file with another text.
type mutant struct {
	at       token.Position
	old, new string
}

// swaps are what stands in for each token: its opposite, or its neighbour at a boundary.
var swaps = map[token.Token][]token.Token{
	token.EQL: {token.NEQ}, token.NEQ: {token.EQL},
	token.LSS: {token.LEQ, token.GEQ}, token.GEQ: {token.GTR, token.LSS},
	token.GTR: {token.GEQ, token.LEQ}, token.LEQ: {token.LSS, token.GTR},
	token.LAND: {token.LOR}, token.LOR: {token.LAND},
	token.ADD: {token.SUB}, token.SUB: {token.ADD}, token.MUL: {token.QUO}, token.QUO: {token.MUL}, token.REM: {token.MUL},
	token.AND: {token.OR}, token.OR: {token.AND}, token.SHL: {token.SHR}, token.SHR: {token.SHL},
	token.INC: {token.DEC}, token.DEC: {token.INC},
	token.ADD_ASSIGN: {token.SUB_ASSIGN, token.ASSIGN}, token.SUB_ASSIGN: {token.ADD_ASSIGN, token.ASSIGN},
	token.BREAK: {token.CONTINUE}, token.CONTINUE: {token.BREAK},
}

// mutantsOf returns those of a file, in its order: other operators, negations left out, true for false and the other way
// round, and calls, defers and assignments left out. Some do not compile.
func mutantsOf(name string, source []byte) ([]mutant, error) {
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, name, source, parser.SkipObjectResolution)
	if err != nil {
		return nil, fmt.Errorf("parsing the package: %w", err)
	}
	var mutants []mutant
	replace := func(pos token.Pos, old, replacement string) {
		mutants = append(mutants, mutant{files.Position(pos), old, replacement})
	}
	swap := func(pos token.Pos, tok token.Token) {
		for _, other := range swaps[tok] {
			replace(pos, tok.String(), other.String())
		}
	}
	leaveOut := func(n ast.Node) {
		replace(n.Pos(), string(source[files.Position(n.Pos()).Offset:files.Position(n.End()).Offset]), "")
	}
	ast.Inspect(file, func(node ast.Node) bool {
		switch n := node.(type) {
		case *ast.BinaryExpr:
			swap(n.OpPos, n.Op)
		case *ast.UnaryExpr:
			if n.Op == token.NOT || n.Op == token.SUB {
				replace(n.OpPos, n.Op.String(), "")
			}
		case *ast.IncDecStmt:
			swap(n.TokPos, n.Tok)
		case *ast.BranchStmt:
			swap(n.TokPos, n.Tok)
		case *ast.AssignStmt:
			swap(n.TokPos, n.Tok)
			if n.Tok == token.ASSIGN {
				leaveOut(n)
			}
		case *ast.ExprStmt, *ast.DeferStmt:
			leaveOut(n)
		case *ast.Ident:
			switch n.Name {
			case "true":
				replace(n.Pos(), n.Name, "false")
			case "false":
				replace(n.Pos(), n.Name, "true")
			}
		}
		return true
	})
	slices.SortStableFunc(mutants, func(a, b mutant) int { return cmp.Compare(a.at.Offset, b.at.Offset) })
	return mutants, nil
}

// suite is a package with its tests.
type suite struct {
	Dir     string
	GoFiles []string

	path    string
	scratch string // folder
	limit   time.Duration
	unused  []block // that no test runs
}

// block is a piece of a file, as a coverage profile has it.
type block struct {
	file                               string
	line, column, lastLine, lastColumn int
}

// measure runs the tests on the code as it is: how long they take, and what they do not run.
func (s *suite) measure(ctx context.Context) error {
	list, err := exec.CommandContext(ctx, "go", "list", "-json=Dir,GoFiles", s.path).Output() //nolint:gosec // Of this module.
	if err != nil {
		return fmt.Errorf("go list %s: %w: name a package of this module", s.path, err)
	}
	if err := json.Unmarshal(list, s); err != nil {
		return fmt.Errorf("reading what go list says of %s: %w", s.path, err)
	}
	s.limit = 10 * time.Minute
	start := time.Now()
	fate, output, err := s.try(ctx, "", nil)
	if err != nil || fate != survived {
		return fmt.Errorf("the tests of %s fail on the code as it is: make them pass first (error %w)\n%s", s.path, err, output)
	}
	// Long, so that a machine with more to do kills none. Building the tests is part of the measured time.
	s.limit = 20*time.Second + 5*time.Since(start)

	profile := filepath.Join(s.scratch, "profile")
	output, err = exec.CommandContext(ctx, "go", "test", "-count=1", "-coverprofile="+profile, s.path).CombinedOutput() //nolint:gosec // Of this module.
	if err != nil {
		return fmt.Errorf("measuring the coverage of %s: %w\n%s", s.path, err, output)
	}
	coverage, err := os.ReadFile(profile)
	if err != nil {
		return fmt.Errorf("reading the coverage of %s: %w", s.path, err)
	}
	for line := range strings.Lines(string(coverage)) {
		name, rest, _ := strings.Cut(line, ":")
		b := block{file: filepath.Base(name)}
		var statements, count int
		_, err := fmt.Sscanf(rest, "%d.%d,%d.%d %d %d", &b.line, &b.column, &b.lastLine, &b.lastColumn, &statements, &count)
		if err == nil && count == 0 { // The first line is about something else.
			s.unused = append(s.unused, b)
		}
	}
	return nil
}

func (s *suite) isUnused(at token.Position) bool {
	return slices.ContainsFunc(s.unused, func(b block) bool {
		return b.file == filepath.Base(at.Filename) &&
			(b.line < at.Line || b.line == at.Line && b.column <= at.Column) &&
			(at.Line < b.lastLine || at.Line == b.lastLine && at.Column < b.lastColumn)
	})
}

// try builds and runs the tests with another source for a file, if it is given one.
func (s *suite) try(ctx context.Context, file string, source []byte) (fate, []byte, error) {
	overlay, err := s.overlay(file, source)
	if err != nil {
		return invalid, nil, fmt.Errorf("writing a mutant: %w", err)
	}
	environment := append(os.Environ(), "GOFLAGS=-overlay="+overlay) // Of the tests too: some build the package themselves.

	tests := filepath.Join(s.scratch, "tests")
	build := exec.CommandContext(ctx, "go", "test", "-c", "-vet=off", "-ldflags=-s -w", "-o", tests, s.path) //nolint:gosec // Of this module.
	build.Env = environment
	if output, err := build.CombinedOutput(); err != nil {
		return invalid, output, context.Cause(ctx)
	}
	limited, cancel := context.WithTimeout(ctx, s.limit)
	defer cancel()
	run := exec.CommandContext(limited, tests, "-test.failfast") //nolint:gosec // Of this module.
	run.Dir, run.Env, run.WaitDelay = s.Dir, environment, time.Second
	output, err := run.CombinedOutput()
	switch _, failed := errors.AsType[*exec.ExitError](err); {
	case err == nil:
		return survived, output, nil
	case ctx.Err() != nil:
		return invalid, nil, context.Cause(ctx)
	case limited.Err() != nil:
		return timedOut, output, nil
	case failed:
		return killed, output, nil
	default:
		return invalid, output, fmt.Errorf("running the tests of %s: %w", s.path, err)
	}
}

// overlay writes what go build -overlay reads: which file another one stands in for, if any.
func (s *suite) overlay(file string, source []byte) (string, error) {
	var overlay struct{ Replace map[string]string }
	if file != "" {
		changed := filepath.Join(s.scratch, "changed.go")
		overlay.Replace = map[string]string{file: changed}
		if err := os.WriteFile(changed, source, 0o600); err != nil { //nolint:gosec // In its own folder.
			return "", err //nolint:wrapcheck // The caller says what was written.
		}
	}
	text, err := json.Marshal(overlay)
	name := filepath.Join(s.scratch, "overlay.json")
	return name, errors.Join(err, os.WriteFile(name, text, 0o600))
}
