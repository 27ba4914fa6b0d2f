package failure

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// Credentials marks the errors of a provider, so that NoCredentials can tell them from those of the call.
type Credentials struct{ aws.CredentialsProvider }

// Retrieve returns the provider's credentials.
func (c Credentials) Retrieve(ctx context.Context) (aws.Credentials, error) {
	credentials, err := c.CredentialsProvider.Retrieve(ctx)
	if err != nil {
		return aws.Credentials{}, &credentialsError{err}
	}
	return credentials, nil
}

// NoCredentials reports whether a call failed because there was nothing to sign it with.
func NoCredentials(err error) bool {
	var failed *credentialsError
	return errors.As(err, &failed)
}

type credentialsError struct{ err error }

func (e *credentialsError) Error() string {
	return "retrieving AWS credentials: " + e.err.Error() + ": check the function's execution role"
}

func (e *credentialsError) Unwrap() error { return e.err }
