package dialect

import (
	"strconv"
	"time"
)

const (
	secondsPerDay = 24 * 60 * 60
	microsPerSec  = 1_000_000
	microsPerDay  = secondsPerDay * microsPerSec
)

// appendDate appends the date that is days after 1970-01-01 in the proleptic
// Gregorian calendar as ISO 8601. Years are astronomical: the year before 1 is
// 0000, the one before that -0001. A year past 9999 has a plus sign.
func appendDate(dst []byte, days int64) []byte {
	year, month, day := time.Unix(days*secondsPerDay, 0).UTC().Date()
	switch {
	case year < 0:
		dst = append(dst, '-')
		year = -year
	case year > 9999:
		dst = append(dst, '+')
	}
	dst = appendPadded(dst, int64(year), 4)
	dst = append(dst, '-')
	dst = appendPadded(dst, int64(month), 2)
	dst = append(dst, '-')
	return appendPadded(dst, int64(day), 2)
}

// appendClock appends a time of day, or a longer time, of not negative
// microseconds: hh:mm:ss.ffffff.
func appendClock(dst []byte, micros int64) []byte {
	seconds := micros / microsPerSec
	dst = appendPadded(dst, seconds/3600, 2)
	dst = append(dst, ':')
	dst = appendPadded(dst, seconds/60%60, 2)
	dst = append(dst, ':')
	dst = appendPadded(dst, seconds%60, 2)
	dst = append(dst, '.')
	return appendPadded(dst, micros%microsPerSec, 6)
}

// appendTimestamp appends date and time of what is micros after the start of the
// day epoch (in days after 1970-01-01), without zone. The two are not one number
// because their sum leaves the range of 64 bits where PostgreSQL's years end.
func appendTimestamp(dst []byte, epoch, micros int64) []byte {
	days, rest := micros/microsPerDay, micros%microsPerDay
	if rest < 0 {
		days, rest = days-1, rest+microsPerDay
	}
	dst = appendDate(dst, epoch+days)
	dst = append(dst, 'T')
	return appendClock(dst, rest)
}

// appendZone appends an offset east of UTC: +hh:mm, with seconds where it has
// some.
func appendZone(dst []byte, seconds int64) []byte {
	sign := byte('+')
	if seconds < 0 {
		sign, seconds = '-', -seconds
	}
	dst = append(dst, sign)
	dst = appendPadded(dst, seconds/3600, 2)
	dst = append(dst, ':')
	dst = appendPadded(dst, seconds/60%60, 2)
	if seconds%60 != 0 {
		dst = append(dst, ':')
		dst = appendPadded(dst, seconds%60, 2)
	}
	return dst
}

// appendDuration appends an interval as ISO 8601: its months, days and
// microseconds each with a sign of their own, as they do not convert into each
// other.
func appendDuration(dst []byte, months, days int32, micros int64) []byte {
	dst = append(dst, 'P')
	empty := len(dst)
	dst = appendUnit(dst, int64(months/12), 'Y')
	dst = appendUnit(dst, int64(months%12), 'M')
	dst = appendUnit(dst, int64(days), 'D')
	if micros != 0 {
		dst = append(dst, 'T')
		seconds := micros / microsPerSec
		dst = appendUnit(dst, seconds/3600, 'H')
		dst = appendUnit(dst, seconds/60%60, 'M')
		dst = appendSeconds(dst, micros%(60*microsPerSec))
	}
	if len(dst) == empty {
		return append(dst, "T0S"...)
	}
	return dst
}

func appendUnit(dst []byte, n int64, unit byte) []byte {
	if n == 0 {
		return dst
	}
	return append(strconv.AppendInt(dst, n, 10), unit)
}

// appendSeconds appends less than a minute of microseconds, the fraction as
// short as it is.
func appendSeconds(dst []byte, micros int64) []byte {
	if micros == 0 {
		return dst
	}
	if micros < 0 {
		dst = append(dst, '-')
		micros = -micros
	}
	dst = strconv.AppendInt(dst, micros/microsPerSec, 10)
	if fraction := micros % microsPerSec; fraction != 0 {
		dst = append(dst, '.')
		dst = appendPadded(dst, fraction, 6)
		for dst[len(dst)-1] == '0' {
			dst = dst[:len(dst)-1]
		}
	}
	return append(dst, 'S')
}

// appendPadded appends n, which is not negative, with zeros in front up to
// width.
func appendPadded(dst []byte, n int64, width int) []byte {
	limit := int64(1)
	for range width - 1 {
		limit *= 10
	}
	for ; n < limit && limit > 1; limit /= 10 {
		dst = append(dst, '0')
	}
	return strconv.AppendInt(dst, n, 10)
}
