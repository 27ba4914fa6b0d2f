package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"sync"
)

// runner takes stories through the container of sam local invoke.
type runner struct {
	report
	sam       *sam
	network   *network
	directory []byte
	settings  map[string]string
}

// run takes the stories through that the flags name, and returns an error where one ends otherwise than it should.
func run(ctx context.Context, args []string, out io.Writer) (err error) {
	o, err := parse(args, out)
	if err != nil {
		return err
	}
	r := runner{report: report{out}}
	stories, err := loadStories(o.event)
	if err != nil {
		return err
	}
	if r.settings, err = loadSettings(o.settings); err != nil {
		return err
	}
	if r.directory, err = os.ReadFile(o.directory); err != nil {
		return fmt.Errorf("reading the directory of users: %w", err)
	}
	engine, err := findTools(ctx)
	if err != nil {
		return err
	}

	log, err := os.OpenFile(o.log, os.O_CREATE|os.O_TRUNC|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("opening the file for the worker's output: %w", err)
	}
	defer func() { err = errors.Join(err, log.Close()) }()
	// Containers see the checkout on every machine, but not always the folder for temporary files.
	folder, err := os.MkdirTemp(filepath.Dir(o.log), "invoke-")
	if err != nil {
		return fmt.Errorf("making a folder: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	if r.sam, err = newSAM(os.Environ(), engine, folder, log); err != nil {
		return err
	}
	if r.network, err = newNetwork(ctx); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.network.close()) }()

	r.introduce(o, engine.architecture())
	if err = r.start(ctx); err == nil {
		err = r.tellAll(ctx, stories)
	}
	if ctx.Err() != nil {
		return errors.New("interrupted")
	}
	return err
}

// start builds the function, and meanwhile starts what it is to meet.
func (r *runner) start(ctx context.Context) error {
	var building sync.WaitGroup
	var unbuilt error
	building.Go(func() { unbuilt = r.sam.build(ctx) })
	err := r.startStandins(ctx)
	building.Wait()
	return errors.Join(unbuilt, err)
}

func (r *runner) startStandins(ctx context.Context) error {
	binary := filepath.Join(r.sam.folder, "samlocal")
	build := command(ctx, "go", "build", "-o", binary, "./internal/samlocal")
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+r.sam.machine)
	if err := execute(build); err != nil {
		return err
	}
	image, err := r.findImage(ctx, binary)
	if err != nil {
		return err
	}
	return r.network.start(ctx, image, binary)
}

// tellAll tells the stories.
func (r *runner) tellAll(ctx context.Context, stories []story) error {
	other := 0
	for _, s := range stories {
		same, err := r.tell(ctx, s)
		if err != nil {
			return fmt.Errorf("%s: %w", s.file, err)
		}
		if !same {
			other++
		}
	}
	if other > 0 {
		return fmt.Errorf("%d of %s ended otherwise than told", other, plural(len(stories), "event"))
	}
	return nil
}

// tell hands the event to the function, and shows how it ends. It reports whether that is how it should.
func (r *runner) tell(ctx context.Context, s story) (bool, error) {
	begun, err := r.network.do(task{Directory: r.directory, Event: s.event})
	if err != nil {
		return false, err
	}
	settings := maps.Clone(r.settings)
	maps.Copy(settings, begun.Settings)
	answer, err := r.sam.invoke(ctx, r.network.name, begun.Event, settings)
	if err != nil {
		return false, err
	}
	ended, err := r.network.do(task{Answer: answer})
	if err != nil {
		return false, err
	}
	return r.story(s, answer, ended), nil
}
