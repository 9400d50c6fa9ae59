package canonical

// number reads a number and writes its plain digits.
func (s *scanner) number() error {
	start := s.pos
	negative := s.peek() == '-'
	if negative {
		s.pos++
	}
	whole := s.digits()
	if len(whole) == 0 || (len(whole) > 1 && whole[0] == '0') {
		return s.refuse(ErrSyntax)
	}
	var fraction []byte
	if s.peek() == '.' {
		s.pos++
		if fraction = s.digits(); len(fraction) == 0 {
			return s.refuse(ErrSyntax)
		}
	}
	exponent := 0
	if c := s.peek(); c == 'e' || c == 'E' {
		var ok bool
		if exponent, ok = s.exponent(); !ok {
			return s.refuse(ErrSyntax)
		}
	}
	out, ok := appendPlain(s.out, decimal{negative, whole, fraction, exponent})
	if !ok {
		s.pos = start
		return s.refuse(ErrNumber)
	}
	s.out = out
	return nil
}

// digits reads as many digits as there are.
func (s *scanner) digits() []byte {
	start := s.pos
	for isDigit(s.peek()) {
		s.pos++
	}
	return s.src[start:s.pos]
}

// maxExponent is past every exponent that MaxZeros allows, and ten times as much
// is an int on every machine.
const maxExponent = 100_000_000

// exponent reads e, a sign and digits. Past maxExponent it stays there.
func (s *scanner) exponent() (e int, ok bool) {
	s.pos++
	sign := 1
	switch s.peek() {
	case '-':
		sign = -1
		s.pos++
	case '+':
		s.pos++
	}
	digits := s.digits()
	for _, d := range digits {
		if e < maxExponent {
			e = e*10 + int(d-'0')
		}
	}
	return sign * e, len(digits) > 0
}

// decimal is a number as it is written: whole.fraction times ten to exponent.
type decimal struct {
	negative        bool
	whole, fraction []byte
	exponent        int
}

// appendPlain appends d in plain digits; ok is false where that needs more than
// MaxZeros digits that are not written in it.
func appendPlain(dst []byte, d decimal) (_ []byte, ok bool) {
	written := len(d.whole) + len(d.fraction)
	// The number is 0.DIGITS times ten to point, with DIGITS = whole, fraction.
	point := len(d.whole) + d.exponent
	lead, tail := zeros(d)
	count := written - lead - tail
	if count <= 0 {
		return append(dst, '0'), true
	}
	point -= lead
	plain := max(point, count, count-point)
	if plain-written > MaxZeros {
		return dst, false
	}
	if d.negative {
		dst = append(dst, '-')
	}
	if point <= 0 {
		dst = append(dst, '0', '.')
		for range -point {
			dst = append(dst, '0')
		}
	}
	for i := range count {
		if i == point && i > 0 {
			dst = append(dst, '.')
		}
		dst = append(dst, d.digit(lead+i))
	}
	for range point - count {
		dst = append(dst, '0')
	}
	return dst, true
}

// digit is the i-th digit of whole and fraction together.
func (d decimal) digit(i int) byte {
	if i < len(d.whole) {
		return d.whole[i]
	}
	return d.fraction[i-len(d.whole)]
}

// zeros counts the zeros before the first and after the last other digit.
func zeros(d decimal) (lead, tail int) {
	n := len(d.whole) + len(d.fraction)
	for lead < n && d.digit(lead) == '0' {
		lead++
	}
	for tail < n-lead && d.digit(n-1-tail) == '0' {
		tail++
	}
	return lead, tail
}
