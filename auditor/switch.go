package auditor

import (
	"errors"

	"github.com/seed-162b1470/annals/config"
)

// Disable stops the capture of entities while the program runs. It holds for
// captures in this program, from the next statement on: what a transaction
// captured before is stored. Relations of an entity that is off are still told at
// their other end. An unknown name is an error that matches
// annals.ErrUnknownEntity; nothing is changed then. For one call alone there is
// annals.Off.
func (a *Auditor) Disable(entities ...string) error { return a.set(false, entities) }

// Enable takes Disable back.
func (a *Auditor) Enable(entities ...string) error { return a.set(true, entities) }

// Enabled reports whether changes of an entity are captured now: it is
// configured, not disabled, and the auditor is active.
func (a *Auditor) Enabled(entity string) bool {
	return a.exists(entity) && a.switches.Allows(entity)
}

// SetActive turns all capture in this program off, or on again. Entities that
// are disabled stay so. While capture is off, statements run as without annals.
func (a *Auditor) SetActive(on bool) { a.switches.SetActive(on) }

// Active reports whether the auditor as a whole captures.
func (a *Auditor) Active() bool { return a.switches.Active() }

func (a *Auditor) exists(entity string) bool {
	_, ok := a.entity(entity)
	return ok && entity != "" && entity != config.Wildcard
}

func (a *Auditor) set(on bool, entities []string) error {
	var unknown []error
	for _, e := range entities {
		if !a.exists(e) {
			unknown = append(unknown, unknownEntity(e))
		}
	}
	if len(unknown) > 0 {
		return errors.Join(unknown...)
	}
	a.switches.Set(on, entities...)
	return nil
}
