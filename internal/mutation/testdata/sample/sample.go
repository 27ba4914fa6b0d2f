// Package sample is what the tests of mutation change.
package sample

// Larger returns the larger number.
func Larger(a, b int) int {
	if a > b {
		return a
	}
	return b
}

// Never is called by no test.
func Never() bool {
	return true
}
