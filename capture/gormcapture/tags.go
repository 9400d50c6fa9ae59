package gormcapture

import (
	"fmt"
	"maps"
	"reflect"
	"strings"

	"gorm.io/gorm/schema"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/track"
)

// tagKey is the key of the struct tags that set rules:
//
//	Password string `annals:"mask"`  // only that it changed is kept
//	Cached   []byte `annals:"-"`     // never kept
//	Name     string `annals:"label"` // names the object for people
//	Posts    []Post `annals:"-"`     // a relation that is not told
//
// On an embedded struct a tag holds for all of its fields.
const tagKey = "annals"

// The rules that a tag can set.
const (
	tagIgnore = "-"
	tagMask   = "mask"
	tagLabel  = "label"
)

// tagsOf reads the rules in a model's struct tags. A tag that cannot be read is a
// fault: a rule that was meant to hide something must not pass unnoticed.
func tagsOf(s *schema.Schema) track.Learnt {
	var l track.Learnt
	var faults []annals.Fault
	for _, f := range s.Fields {
		rules := fieldRules(s, f)
		if len(rules) == 0 {
			continue
		}
		fault := func(problem, remedy string) {
			faults = append(faults, annals.Fault{
				Path:    s.Name + "." + strings.Join(f.BindNames, "."),
				Problem: problem, Remedy: remedy,
			})
		}
		for rule := range rules {
			switch rule {
			case tagIgnore, tagMask, tagLabel:
			default:
				fault(fmt.Sprintf("unknown rule %q in the tag %s", rule, tagKey),
					`it may hold "-", "mask" or "label"`)
			}
		}
		switch {
		case len(rulesOf(f.Tag)) > 1:
			fault("the tag "+tagKey+" has several rules", "keep one of them")
		case f.DBName == "" && s.Relationships.Relations[f.Name] != nil && !rules[tagIgnore]:
			fault("the tag "+tagKey+" of a relation has a rule for columns",
				`a relation may have "-", which leaves it out`)
		case f.DBName == "":
		case rules[tagIgnore]:
			l.Ignore = append(l.Ignore, f.DBName)
		case rules[tagMask]:
			l.Mask = append(l.Mask, f.DBName)
		case rules[tagLabel] && l.Label != "":
			fault("a second field is tagged as label", "keep one of the two")
		case rules[tagLabel]:
			l.Label = f.DBName
		}
	}
	if len(faults) > 0 {
		l.Fault = &annals.ConfigError{Faults: faults}
	}
	return l
}

// fieldRules are the rules in a field's tag and in those of the embedded structs
// that it lies in; where they differ, the one that hides most holds.
func fieldRules(s *schema.Schema, f *schema.Field) map[string]bool {
	rules := rulesOf(f.Tag)
	typ := s.ModelType
	for i := 0; i+1 < len(f.BindNames) && typ.Kind() == reflect.Struct; i++ {
		outer, ok := typ.FieldByName(f.BindNames[i])
		if !ok {
			break
		}
		maps.Copy(rules, rulesOf(outer.Tag))
		for typ = outer.Type; typ.Kind() == reflect.Pointer; {
			typ = typ.Elem()
		}
	}
	return rules
}

// rulesOf are the rules in one tag.
func rulesOf(tag reflect.StructTag) map[string]bool {
	rules := map[string]bool{}
	for rule := range strings.SplitSeq(tag.Get(tagKey), ",") {
		if rule = strings.TrimSpace(rule); rule != "" {
			rules[rule] = true
		}
	}
	return rules
}

// hidden reports whether a relation's own field is tagged as not to be told.
func hidden(rel *schema.Relationship) bool {
	return rel.Field != nil && strings.TrimSpace(rel.Field.Tag.Get(tagKey)) == tagIgnore
}
