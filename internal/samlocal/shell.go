package main

import (
	"fmt"
	"os"
	"strings"
)

// shell runs what the SAM CLI's Dockerfile wants from the shell of the base image: sh -c "mv FROM TO && chmod +x FILE".
func shell(args []string) error {
	if len(args) != 2 || args[0] != "-c" {
		return fmt.Errorf("sh has %q, and takes -c and a script", args)
	}
	for command := range strings.SplitSeq(args[1], "&&") {
		var err error
		switch words := strings.Fields(command); {
		case len(words) == 3 && words[0] == "mv":
			err = os.Rename(words[1], words[2])
		case len(words) == 3 && words[0] == "chmod" && words[1] == "+x":
			err = os.Chmod(words[2], 0o755) //nolint:gosec // It is the emulator of Lambda.
		default:
			err = fmt.Errorf("the stand-in of the base image cannot do %q: pull the real one, with docker pull %s-…", command, lambdaImage)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
