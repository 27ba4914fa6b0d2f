// Package peers installs and starts, for tests, what others have written: ElasticMQ and moto, which stand in for AWS too, and
// clients of AWS in Python. It needs Java 17, Maven and Python 3.
//
// Tests ask for them only with CONFORMANCE=1 in the environment. Everything is installed once, in the folder that
// CONFORMANCE_CACHE names, by default chime-offboarding in the user's cache.
package peers

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
)

// What is installed, in the versions that the tests are right for.
const (
	ElasticMQVersion = "1.7.1"
	MotoVersion      = "5.2.5"
	Boto3Version     = "1.44.5"
	AWSCLIVersion    = "1.46.3"

	samTranslatorVersion = "1.115.0"
)

// SkipUnlessAsked skips a test that needs a variable of the environment: NAME, or NAME=value to tell what it has to be.
// Nothing is needed where it is empty.
func SkipUnlessAsked(t *testing.T, ask string) {
	t.Helper()
	if variable, _, _ := strings.Cut(ask, "="); ask != "" && os.Getenv(variable) == "" {
		t.Skip("not asked for: it takes " + ask + " in the environment")
	}
}

// ElasticMQ starts ElasticMQ for as long as the test lasts and returns its URL.
func ElasticMQ(t *testing.T) string {
	t.Helper()
	return "http://" + start(t, "java", "-Xmx256m", "-Drest-sqs.bind-hostname=127.0.0.1", "-Drest-sqs.bind-port=0",
		"-Dgenerate-node-address=true", "-Drest-stats.enabled=false", "-cp", jars(t), "org.elasticmq.server.Main")
}

// Moto starts moto, all of its services, for as long as the test lasts and returns its URL.
func Moto(t *testing.T) string {
	t.Helper()
	return "http://" + start(t, Python(t), "-m", "moto.server", "-H", "127.0.0.1", "-p", "0")
}

// jars returns the class path of ElasticMQ.
func jars(t *testing.T) string {
	t.Helper()
	dir, err := installed("elasticmq-"+ElasticMQVersion, func(dir string) error {
		pom := filepath.Join(dir, "pom.xml")
		err := os.WriteFile(pom, []byte(`<project>
	<modelVersion>4.0.0</modelVersion>
	<groupId>conformance</groupId>
	<artifactId>elasticmq</artifactId>
	<version>1</version>
	<dependencies>
		<dependency>
			<groupId>org.elasticmq</groupId>
			<artifactId>elasticmq-server_3</artifactId>
			<version>`+ElasticMQVersion+`</version>
		</dependency>
	</dependencies>
</project>
`), 0o600)
		return errors.Join(err, run("mvn", "--quiet", "--batch-mode", "--file", pom,
			"org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies", "-DoutputDirectory="+dir))
	})
	if err != nil {
		t.Fatalf("installing ElasticMQ, which needs Java and Maven: %v", err)
	}
	return filepath.Join(dir, "*")
}

// Python returns the interpreter of a virtual environment with moto, boto3, the AWS CLI and the translator of
// the Serverless Application Model.
func Python(t *testing.T) string {
	t.Helper()
	dir, err := virtualEnvironment()
	if err != nil {
		t.Fatalf("installing moto, boto3, the AWS CLI and the SAM translator, which needs Python 3 with its module venv: %v", err)
	}
	return filepath.Join(dir, "bin", "python")
}

var virtualEnvironment = sync.OnceValues(func() (string, error) {
	return installed("python-"+strings.Join([]string{MotoVersion, Boto3Version, AWSCLIVersion, samTranslatorVersion}, "-"), func(dir string) error {
		if err := run("python3", "-m", "venv", dir); err != nil {
			return err
		}
		return run(filepath.Join(dir, "bin", "python"), "-m", "pip", "install", "--quiet",
			"moto[server]=="+MotoVersion, "boto3=="+Boto3Version, "awscli=="+AWSCLIVersion, "aws-sam-translator=="+samTranslatorVersion)
	})
})

// installed returns a folder of the cache, which install fills the first time.
func installed(name string, install func(dir string) error) (string, error) {
	cache := os.Getenv("CONFORMANCE_CACHE")
	if cache == "" {
		user, err := os.UserCacheDir()
		if err != nil {
			return "", fmt.Errorf("finding a place to install to: %w: set CONFORMANCE_CACHE to a folder", err)
		}
		cache = filepath.Join(user, "chime-offboarding")
	}
	dir := filepath.Join(cache, name)
	if _, err := os.Stat(dir); err == nil {
		return dir, nil
	}
	if err := os.MkdirAll(cache, 0o750); err != nil {
		return "", err
	}
	unfinished, err := os.MkdirTemp(cache, name+"-")
	if err != nil {
		return "", err
	}
	if err := install(unfinished); err != nil {
		return "", errors.Join(err, os.RemoveAll(unfinished))
	}
	if err := os.Rename(unfinished, dir); err != nil {
		err = errors.Join(err, os.RemoveAll(unfinished))
		if _, missing := os.Stat(dir); missing != nil {
			return "", err
		}
		// Another test was faster.
	}
	return dir, nil
}

func run(command string, args ...string) error {
	output, err := exec.Command(command, args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w\n%s", command, err, output)
	}
	return nil
}

var address = regexp.MustCompile(`127\.0\.0\.1:\d+`)

// start starts a server on a free port, which it has to print, and returns its address. The server ends with the test.
func start(t *testing.T, command string, args ...string) string {
	t.Helper()
	server := exec.CommandContext(t.Context(), command, args...)
	read, write := io.Pipe()
	server.Stdout, server.Stderr = write, write
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		_ = write.CloseWithError(server.Wait()) // It is killed, in the end.
		close(ended)
	}()
	t.Cleanup(func() { // The test's context is done by then.
		_ = read.Close()
		<-ended
	})

	var printed strings.Builder
	for lines := bufio.NewScanner(io.TeeReader(read, &printed)); lines.Scan(); {
		if found := address.FindString(lines.Text()); found != "" {
			go func() { _, _ = io.Copy(io.Discard, read) }()
			return found
		}
	}
	t.Fatalf("%s has not started: %s", command, &printed)
	return ""
}
