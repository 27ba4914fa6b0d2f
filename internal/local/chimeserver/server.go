package chimeserver

import (
	"crypto/rand"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/chime/types"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// maxBodyBytes is more than 50 user IDs need.
const maxBodyBytes = 1 << 20

var (
	// signedForChime matches the Authorization header of
	// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
	// as far as the service in the credential's scope.
	signedForChime = regexp.MustCompile(`^AWS4-HMAC-SHA256\s.*\bCredential=[^,\s]+/chime/aws4_request\b`)

	// resource matches the escaped path of an account, its users or one user.
	resource = regexp.MustCompile(`^/accounts/([^/]+)(/users(?:/([^/]+))?)?$`)
)

// Server answers requests to the API out of a directory. It is safe for
// concurrent use.
type Server struct {
	// Latency is how long each answer is held back after the work is done. It
	// must be set before the first request.
	Latency time.Duration

	// Observe, if set, is told of each BatchSuspendUser request before it is
	// answered, by several goroutines at once. It must be set before the first
	// request.
	Observe func(Call)

	directory *Directory

	mu    sync.Mutex
	calls map[string]int
}

// Call is one BatchSuspendUser request and its outcome.
type Call struct {
	RequestID  string // As in the answer's x-amzn-RequestId.
	AccountID  string
	UserIDs    []string    // Nil if the body could not be read.
	Exception  string      // The exception that refused the call, if one did.
	UserErrors []UserError // The users for whom the call failed.
}

// New returns a server over the directory, which its requests change.
func New(directory *Directory) *Server {
	return &Server{directory: directory, calls: make(map[string]int)}
}

// Calls returns, by account ID, how many BatchSuspendUser requests were
// received, each attempt and refused ones included.
func (s *Server) Calls() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.calls)
}

func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	requestID := newRequestID()
	output, refused := s.answer(w, r, requestID)
	select {
	case <-time.After(s.Latency):
	case <-r.Context().Done():
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Amzn-RequestId", requestID)
	if refused != nil {
		output = refused
		w.Header().Set("X-Amzn-ErrorType", refused.name)
		w.WriteHeader(refused.status)
	}
	// It fails only if the client is gone, and then nobody is left to tell.
	_ = json.MarshalWrite(w, output, jsontext.AllowInvalidUTF8(true))
}

// answer does what the request asks for. It returns either the operation's
// output or the exception that refuses the request.
func (s *Server) answer(w http.ResponseWriter, r *http.Request, requestID string) (any, *exception) {
	if !signedForChime.MatchString(r.Header.Get("Authorization")) {
		return nil, missingToken()
	}
	path := resource.FindStringSubmatch(r.URL.EscapedPath())
	if path == nil {
		return nil, unknownOperation()
	}
	// An escaped path can always be unescaped.
	accountID, _ := url.PathUnescape(path[1])
	userID, _ := url.PathUnescape(path[3])
	toUsers := path[2] == "/users"
	query := r.URL.Query()
	operation := query.Get("operation")
	switch {
	case r.Method == http.MethodGet && userID != "":
		return s.directory.getUser(accountID, userID)
	case r.Method == http.MethodGet && toUsers:
		return s.directory.listUsers(accountID, query)
	case r.Method == http.MethodGet:
		return s.directory.getAccount(accountID)
	case r.Method == http.MethodPost && toUsers && operation == "suspend":
		return s.suspend(accountID, readUserIDs(w, r), requestID)
	case r.Method == http.MethodPost && toUsers && operation == "unsuspend":
		userErrors, refused := s.directory.batch(accountID, readUserIDs(w, r), types.RegistrationStatusRegistered)
		return batchOutput{userErrors}, refused
	default:
		return nil, unknownOperation()
	}
}

// suspend is BatchSuspendUser, counted and observed.
func (s *Server) suspend(accountID string, userIDs []string, requestID string) (any, *exception) {
	s.mu.Lock()
	s.calls[accountID]++
	s.mu.Unlock()
	userErrors, refused := s.directory.batch(accountID, userIDs, types.RegistrationStatusSuspended)
	if s.Observe != nil {
		call := Call{RequestID: requestID, AccountID: accountID, UserIDs: userIDs, UserErrors: userErrors}
		if refused != nil {
			call.Exception = refused.name
		}
		s.Observe(call)
	}
	return batchOutput{userErrors}, refused
}

// readUserIDs returns the UserIdList of a batch request, or nil if it cannot be
// read, which is refused like an empty one.
func readUserIDs(w http.ResponseWriter, r *http.Request) []string {
	var input struct {
		UserIDList []string `json:"UserIdList"`
	}
	if err := json.UnmarshalRead(http.MaxBytesReader(w, r.Body, maxBodyBytes), &input); err != nil {
		return nil
	}
	return input.UserIDList
}

// newRequestID returns a random UUID (RFC 9562, version 4).
func newRequestID() string {
	var id [16]byte
	_, _ = rand.Read(id[:]) // It never fails.
	id[6] = id[6]&0x0f | 0x40
	id[8] = id[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", id[:4], id[4:6], id[6:8], id[8:10], id[10:])
}
