package request

// IsPlain reports whether a body is read the quick way. Where it is, same says whether the other way makes the same of it.
func IsPlain(body string) (quick, same bool) {
	got, quick := plainFields(body)
	if !quick {
		return false, false
	}
	var p Parser
	want, err := p.fields(body)
	return true, err == nil && got == want
}
