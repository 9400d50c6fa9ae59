package gormcapture

import (
	"context"
	"encoding/json"
	"reflect"
	"sync"

	"gorm.io/gorm/schema"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/capture"
	"github.com/seed-162b1470/annals/diff"
)

// withObjects lets a listener find the statement's own structs: those that were
// created, or the one that was updated or deleted, by their key.
func (s *statement) withObjects(ctx context.Context) context.Context {
	stmt := s.db.Statement
	if !s.source.Listens() || stmt.Schema == nil {
		return ctx
	}
	key, model, value := s.reader.Table().Key, stmt.Schema, stmt.ReflectValue
	index := sync.OnceValue(func() map[string]any {
		return objectsByKey(context.WithoutCancel(ctx), model, value, key)
	})
	return capture.WithObjects(ctx, func(id string) any { return index()[id] })
}

// objectsByKey finds the structs in a statement's value, each under its object id.
func objectsByKey(
	ctx context.Context, model *schema.Schema, value reflect.Value, key []string,
) map[string]any {
	objects := map[string]any{}
	add := func(v reflect.Value) {
		for v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface {
			v = v.Elem()
		}
		if v.Kind() != reflect.Struct || v.Type() != model.ModelType {
			return
		}
		id, ok := keyOf(ctx, model, v, key)
		switch {
		case !ok:
		case v.CanAddr():
			objects[id] = v.Addr().Interface()
		default:
			objects[id] = v.Interface()
		}
	}
	for value.Kind() == reflect.Pointer || value.Kind() == reflect.Interface {
		value = value.Elem()
	}
	switch value.Kind() {
	case reflect.Slice, reflect.Array:
		for i := range value.Len() {
			add(value.Index(i))
		}
	default:
		add(value)
	}
	return objects
}

// keyOf is the object id that a struct's key makes; ok is false where it has
// none, as a struct that only names the model.
func keyOf(
	ctx context.Context, model *schema.Schema, v reflect.Value, key []string,
) (id string, ok bool) {
	values := make([]json.RawMessage, len(key))
	for i, column := range key {
		field := model.FieldsByDBName[column]
		if field == nil {
			return "", false
		}
		value, zero := field.ValueOf(ctx, v)
		ok = ok || !zero
		text, err := json.Marshal(value)
		if err == nil {
			text, err = diff.Canonical(text)
		}
		if err != nil {
			return "", false
		}
		values[i] = text
	}
	return annals.ObjectID(values...), ok
}
