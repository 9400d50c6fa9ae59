package journal

import (
	"fmt"
	"strconv"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/layout"
)

// Foreign tells a row that a session of MySQL put under a revision of another
// connection: the connection that its ordinal has is not that of the revision, by the
// end of whose hash it is known.
func Foreign(ordinal int64, hash string) bool {
	const low = 1<<24 - 1
	if ordinal&^low != layout.OrdinalOfConnection {
		return false
	}
	end, err := strconv.ParseInt(hash[max(0, len(hash)-6):], 16, 64)
	return err != nil || end != ordinal&low
}

// Nobody is the revision of a receipt that has none, or none of its own: a change that
// happened, by nobody known.
func Nobody(source string, r *Receipt) *annals.Revision {
	return &annals.Revision{
		Source: source, Hash: fmt.Sprintf("%012x%s%012x", r.CreatedAt.UnixMilli(), sourceHash(source), r.ID),
		Actor: annals.Actor{Name: annals.Unattributed}, CreatedAt: r.CreatedAt,
	}
}
