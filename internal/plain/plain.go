// Package plain reads the JSON that nearly everybody sends: objects and arrays of strings, with no escapes but the usual few.
// It refuses all else, be it valid or not, and is several times as fast as a decoder that does not. Who reads with it has a
// decoder for what is refused: it changes how long the answer takes, and not the answer.
package plain

import (
	"iter"
	"math/bits"
	"unicode/utf8"
)

// Reader reads a text from its beginning. Once it refuses, it is at the end of the text, and what it has read means nothing.
type Reader[T string | []byte] struct {
	text    T
	at      int // where what is left to read begins
	refused bool
}

// NewReader returns a Reader of the text.
func NewReader[T string | []byte](text T) *Reader[T] { return &Reader[T]{text: text} }

// Done reports whether all of the text has been read and was plain.
func (r *Reader[T]) Done() bool {
	r.next()
	return !r.refused && r.at == len(r.text)
}

// Object reads an object, and stops at each name for its value to be read. Equal names are all there.
func (r *Reader[T]) Object() iter.Seq[T] {
	return func(yield func(name T) bool) {
		r.want('{')
		for more := !r.has('}'); more; more = r.more('}') {
			name := r.String()
			r.want(':')
			if r.refused || !yield(name) {
				return
			}
		}
	}
}

// Array reads an array, and stops for each element to be read.
func (r *Reader[T]) Array() func(yield func() bool) {
	return func(yield func() bool) {
		r.want('[')
		for more := !r.has(']'); more; more = r.more(']') {
			if r.refused || !yield() {
				return
			}
		}
	}
}

// more reads what follows an element or member, and reports whether that is another one.
func (r *Reader[T]) more(end byte) bool {
	if r.has(',') {
		return true
	}
	r.want(end)
	return false
}

// String reads a string without escapes.
func (r *Reader[T]) String() T {
	r.want('"')
	text, escaped := r.segment()
	if escaped != 0 {
		r.refuse()
	}
	return text
}

// Append reads a string and appends what it stands for.
func (r *Reader[T]) Append(dst []byte) []byte {
	r.want('"')
	for {
		text, escaped := r.segment()
		dst = append(dst, text...)
		if escaped == 0 {
			return dst
		}
		dst = append(dst, escaped)
	}
}

// Quoted reads a string and returns it as it stands, with its quotation marks.
func (r *Reader[T]) Quoted() T {
	r.next()
	start := r.at
	r.want('"')
	for {
		if _, escaped := r.segment(); escaped == 0 {
			return r.text[start:r.at]
		}
	}
}

// Skip reads a string, or an object or array with no more than so many levels.
func (r *Reader[T]) Skip(levels int) {
	switch c := r.next(); {
	case c == '{' && levels > 0:
		for range r.Object() {
			r.Skip(levels - 1)
		}
	case c == '[' && levels > 0:
		for range r.Array() {
			r.Skip(levels - 1)
		}
	default:
		_ = r.Quoted()
	}
}

// segment reads a string to its end or past an escape. It returns what is before that, and which character was escaped.
func (r *Reader[T]) segment() (text T, escaped byte) {
	start := r.at
	for r.at < len(r.text) {
		r.at += ordinary(r.text[r.at:])
		rest := r.text[r.at:]
		switch {
		case len(rest) > 0 && rest[0] == '"':
			r.at++
			return r.text[start : r.at-1], 0
		case len(rest) > 1 && rest[0] == '\\' && escapes[rest[1]] != 0:
			r.at += 2
			return r.text[start : r.at-2], escapes[rest[1]]
		default:
			_, size := utf8.DecodeRuneInString(string(rest[:min(len(rest), utf8.UTFMax)]))
			if r.at += size; size < 2 { // It is a control character, another escape, not UTF-8, or the end.
				r.refuse()
			}
		}
	}
	r.refuse()
	return text, 0
}

// escapes are what the characters behind a backslash stand for.
var escapes = [256]byte{'"': '"', '\\': '\\', '/': '/', 'n': '\n', 'r': '\r', 't': '\t'}

// ordinary returns how many characters there are before the first that is not ASCII, or a control character, " or \.
func ordinary[T string | []byte](text T) int {
	n := 0
	// Eight at a time: of x, the highest bit of a byte is set where a character is none of them. It may be set in a byte
	// behind that one too, which is no matter.
	const ones, highest = 0x01_01_01_01_01_01_01_01, 0x80_80_80_80_80_80_80_80
	for ; len(text)-n >= 8; n += 8 {
		t := text[n : n+8]
		x := uint64(t[0]) | uint64(t[1])<<8 | uint64(t[2])<<16 | uint64(t[3])<<24 |
			uint64(t[4])<<32 | uint64(t[5])<<40 | uint64(t[6])<<48 | uint64(t[7])<<56
		x |= (x - ones*' ') | ((x ^ ones*'"') - ones) | ((x ^ ones*'\\') - ones)
		if x &= highest; x != 0 {
			return n + bits.TrailingZeros64(x)/8
		}
	}
	for n < len(text) && ' ' <= text[n] && text[n] < utf8.RuneSelf && text[n] != '"' && text[n] != '\\' {
		n++
	}
	return n
}

// next skips white space and returns the character after it, which is left to be read; 0 at the end.
func (r *Reader[T]) next() byte {
	for ; r.at < len(r.text); r.at++ {
		switch c := r.text[r.at]; c {
		case ' ', '\t', '\r', '\n':
		default:
			return c
		}
	}
	return 0
}

// has reads the character if it is the next one.
func (r *Reader[T]) has(c byte) bool {
	if r.next() != c {
		return false
	}
	r.at++
	return true
}

func (r *Reader[T]) want(c byte) {
	if !r.has(c) {
		r.refuse()
	}
}

func (r *Reader[T]) refuse() { r.at, r.refused = len(r.text), true }
