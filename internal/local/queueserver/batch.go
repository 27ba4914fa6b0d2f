package queueserver

// entry is one of the requests of a batch.
type entry interface {
	entryID() string
}

// batchResult has one result for each entry of a batch.
type batchResult[R any] struct {
	Successful []R           `json:",omitempty"`
	Failed     []failedEntry `json:",omitempty"`
}

type failedEntry struct {
	ID          string `json:"Id"`
	Code        string
	Message     string
	SenderFault bool
}

// batch does each entry by itself, unless the batch as a whole is refused.
func batch[E entry, R any](s *Server, queueURL string, entries []E, bytes int, do func(E) (R, error)) (*batchResult[R], error) {
	if err := s.with(queueURL, func(*queue) error { return nil }); err != nil {
		return nil, err
	}
	if err := checkBatch(entries, bytes); err != nil {
		return nil, err
	}
	result := &batchResult[R]{}
	for _, e := range entries {
		done, err := do(e)
		if err != nil {
			refused := asRefusal(err)
			result.Failed = append(result.Failed, failedEntry{e.entryID(), refused.code, refused.message, refused.blamesSender()})
			continue
		}
		result.Successful = append(result.Successful, done)
	}
	return result, nil
}

func checkBatch[E entry](entries []E, bytes int) error {
	switch {
	case len(entries) == 0:
		return emptyBatchRequest.because("There should be at least one entry in the request.")
	case len(entries) > maxBatchEntries:
		return tooManyEntriesInBatchRequest.because("Maximum number of entries per request are %d. You have sent %d.", maxBatchEntries, len(entries))
	case bytes > maxMessageBytes:
		return batchRequestTooLong.because("Batch requests cannot be longer than %d bytes. You have sent %d bytes.", maxMessageBytes, bytes)
	}
	seen := map[string]bool{}
	for _, e := range entries {
		id := e.entryID()
		if !nameLike(id, maxEntryID, "-_") {
			return invalidBatchEntryID.because("A batch entry id can only contain alphanumeric characters, hyphens and underscores. "+
				"It can be at most %d letters long.", maxEntryID)
		}
		if seen[id] {
			return batchEntryIDsNotDistinct.because("Id %s repeated.", id)
		}
		seen[id] = true
	}
	return nil
}
