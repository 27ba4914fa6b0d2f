package queueserver

import (
	"encoding/base64"
	"encoding/binary"
	"hash/maphash"
	"net/http"
)

// receipt names one receive of one message of one queue. None of the numbers is ever used again, so that the handle of a
// deleted message can be told from one that no queue gave out.
type receipt struct {
	queue, message, receive uint64
}

// handle is the receipt as a client sees it: sealed, so that a made-up one is recognised.
func (r receipt) handle(seed maphash.Seed) string {
	b := make([]byte, 0, 32)
	for _, n := range []uint64{r.queue, r.message, r.receive, maphash.Comparable(seed, r)} {
		b = binary.BigEndian.AppendUint64(b, n)
	}
	return base64.StdEncoding.EncodeToString(b)
}

// receipt reads a handle of this queue.
func (s *Server) receipt(q *queue, handle string) (receipt, error) {
	if handle == "" {
		return receipt{}, missingParameter.because("The request must contain the parameter ReceiptHandle.")
	}
	if b, err := base64.StdEncoding.DecodeString(handle); err == nil && len(b) == 32 {
		r := receipt{binary.BigEndian.Uint64(b), binary.BigEndian.Uint64(b[8:]), binary.BigEndian.Uint64(b[16:])}
		if maphash.Comparable(s.seal, r) == binary.BigEndian.Uint64(b[24:]) && r.queue == q.id {
			return r, nil
		}
	}
	return receipt{}, receiptHandleIsInvalid.because("The input receipt handle %q is not a valid receipt handle.", handle)
}

type deleteMessageInput struct {
	QueueURL      string `json:"QueueUrl"`
	ReceiptHandle string
}

// done answers an action that has nothing to tell.
type done struct{}

func (s *Server) deleteMessage(_ *http.Request, in *deleteMessageInput) (done, error) {
	return done{}, s.delete(in.QueueURL, in.ReceiptHandle)
}

type deleteMessageBatchInput struct {
	QueueURL string `json:"QueueUrl"`
	Entries  []deletion
}

type deletion struct {
	ID            string `json:"Id"`
	ReceiptHandle string
}

func (d deletion) entryID() string { return d.ID }

// doneEntry answers an entry of a batch that has nothing else to tell.
type doneEntry struct {
	ID string `json:"Id"`
}

func (s *Server) deleteMessageBatch(_ *http.Request, in *deleteMessageBatchInput) (*batchResult[doneEntry], error) {
	return batch(s, in.QueueURL, in.Entries, 0, func(d deletion) (doneEntry, error) {
		return doneEntry{d.ID}, s.delete(in.QueueURL, d.ReceiptHandle)
	})
}

// delete succeeds without effect for a handle that is not of the latest receive: then "the request will succeed, but the
// message might not be deleted". For one whose message is gone already it succeeds as well. See
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_DeleteMessage.html.
func (s *Server) delete(queueURL, handle string) error {
	return s.with(queueURL, func(q *queue) error {
		r, err := s.receipt(q, handle)
		if err != nil {
			return err
		}
		if m := q.held(r); m != nil {
			q.remove(m)
		}
		return nil
	})
}

type changeMessageVisibilityInput struct {
	QueueURL string `json:"QueueUrl"`
	visibilityChange
}

func (s *Server) changeMessageVisibility(_ *http.Request, in *changeMessageVisibilityInput) (done, error) {
	return done{}, s.changeVisibility(in.QueueURL, &in.visibilityChange)
}

type changeMessageVisibilityBatchInput struct {
	QueueURL string `json:"QueueUrl"`
	Entries  []visibilityChange
}

type visibilityChange struct {
	ID                string `json:"Id"`
	ReceiptHandle     string
	VisibilityTimeout *int
}

func (c visibilityChange) entryID() string { return c.ID }

func (s *Server) changeMessageVisibilityBatch(_ *http.Request, in *changeMessageVisibilityBatchInput) (*batchResult[doneEntry], error) {
	return batch(s, in.QueueURL, in.Entries, 0, func(c visibilityChange) (doneEntry, error) {
		return doneEntry{c.ID}, s.changeVisibility(in.QueueURL, &c)
	})
}

func (s *Server) changeVisibility(queueURL string, c *visibilityChange) error {
	if c.VisibilityTimeout == nil {
		return missingParameter.because("The request must contain the parameter VisibilityTimeout.")
	}
	if err := checkVisibilityTimeout(*c.VisibilityTimeout); err != nil {
		return err
	}
	return s.with(queueURL, func(q *queue) error {
		r, err := s.receipt(q, c.ReceiptHandle)
		if err != nil {
			return err
		}
		m := q.held(r)
		visibleAt := q.now + seconds(*c.VisibilityTimeout)
		switch {
		case m == nil:
			return invalidParameterValue.because("Value %s for parameter ReceiptHandle is invalid. "+
				"Reason: Message does not exist or is not available for visibility timeout change.", c.ReceiptHandle)
		case !m.inFlight:
			return messageNotInflight.because("The message is visible again: receive it first.")
		case visibleAt > m.receivedAt+seconds(maxVisibilityTimeout):
			return invalidParameterValue.because("Value %d for parameter VisibilityTimeout is invalid. "+
				"Reason: Total VisibilityTimeout for the message is beyond the limit [%d seconds].", *c.VisibilityTimeout, maxVisibilityTimeout)
		}
		q.reschedule(m, visibleAt)
		return nil
	})
}

func checkVisibilityTimeout(n int) error {
	if !within(0, n, maxVisibilityTimeout) {
		return invalidParameterValue.because("Value %d for parameter VisibilityTimeout is invalid. Reason: Must be between 0 and %d, if provided.",
			n, maxVisibilityTimeout)
	}
	return nil
}
