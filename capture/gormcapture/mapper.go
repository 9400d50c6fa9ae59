package gormcapture

import (
	"context"
	"database/sql/driver"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/schema"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/dialect"
	"github.com/seed-162b1470/annals/internal/canonical"
	"github.com/seed-162b1470/annals/reader"
)

// mapper knows GORM's models. It implements reader.Mapper.
type mapper struct {
	plugin *Plugin
	db     *gorm.DB
}

// Mapper returns what knows db's models, for reader.Oldest, Newest, History and
// AsOf. The plugin gives one to its auditor's reader by itself; this is for other
// readers. db has to use the plugin.
func Mapper(db *gorm.DB) (reader.Mapper, error) {
	plugin, ok := db.Plugins[(&Plugin{}).Name()].(*Plugin)
	if !ok {
		return nil, &annals.Error{
			Op: "read", Subject: "models of GORM", Err: annals.ErrConfig,
			Remedy: "register the plugin first: db.Use(gormcapture.New(aud))",
		}
	}
	return &mapper{plugin: plugin, db: db}, nil
}

// Object implements reader.Mapper: the table of the model, and its key as v has it.
func (m *mapper) Object(ctx context.Context, v any) (entity, objectID string, err error) {
	s, err := m.parse(v)
	if err != nil {
		return "", "", err
	}
	table := annals.ParseTable(s.Table)
	e := m.plugin.source.Registry().EntityOf(table)
	if e == nil {
		return "", "", &annals.Error{
			Op: "find", Subject: fmt.Sprintf("the entity of %T, table %s", v, s.Table),
			Err: annals.ErrUnknownEntity, Remedy: "it is not audited; add it to the entities",
		}
	}
	columns, err := m.key(ctx, s, table)
	if err != nil {
		return "", "", err
	}
	row := reflect.Indirect(reflect.ValueOf(v))
	values := make([]json.RawMessage, len(columns))
	for i, c := range columns {
		field := s.LookUpField(c.Name)
		if field == nil {
			return "", "", fmt.Errorf("model %T has no field for key column %q: %w", v, c.Name,
				annals.ErrConfig)
		}
		given, zero := field.ValueOf(ctx, row)
		if zero && len(columns) == 1 {
			return "", "", fmt.Errorf("the key of this %T is not set: %w", v, annals.ErrNotFound)
		}
		if values[i], err = keyValue(c, given); err != nil {
			return "", "", fmt.Errorf("key column %q of %T: %w", c.Name, v, err)
		}
	}
	return e.Name, annals.ObjectID(values...), nil
}

func (m *mapper) parse(v any) (*schema.Schema, error) {
	stmt := &gorm.Statement{DB: m.db}
	if err := stmt.Parse(v); err != nil {
		return nil, fmt.Errorf("read model %T: %w: %w", v, annals.ErrUnknownEntity, err)
	}
	return stmt.Schema, nil
}

// key returns the key's columns, as the table has them; where it is gone, as the
// model has.
func (m *mapper) key(
	ctx context.Context, s *schema.Schema, table annals.Table,
) ([]dialect.Column, error) {
	r, err := m.plugin.source.Reader(ctx, m.db.ConnPool, table)
	if err != nil {
		if cause := context.Cause(ctx); cause != nil {
			return nil, cause
		}
		columns := make([]dialect.Column, len(s.PrimaryFields))
		for i, f := range s.PrimaryFields {
			columns[i] = dialect.Column{Name: f.DBName}
		}
		return columns, nil
	}
	t := r.Table()
	columns := make([]dialect.Column, len(t.Key))
	for i, name := range t.Key {
		columns[i].Name = name
		for _, c := range t.Live.Columns {
			if c.Name == name {
				columns[i] = c
			}
		}
	}
	return columns, nil
}

// errKey means that a key's value has no form that could be told without its row.
var errKey = errors.New("its value cannot be turned into an object id")

// keyValue is a key's value as entries have it: whole numbers, texts, UUIDs,
// booleans, bytes and times.
func keyValue(c dialect.Column, v any) (json.RawMessage, error) {
	if valuer, ok := v.(driver.Valuer); ok {
		var err error
		if v, err = valuer.Value(); err != nil {
			return nil, fmt.Errorf("%w: %w", errKey, err)
		}
	}
	switch r := reflect.Indirect(reflect.ValueOf(v)); {
	case !r.IsValid():
		return annals.Null, nil
	case r.CanInt():
		return strconv.AppendInt(nil, r.Int(), 10), nil
	case r.CanUint():
		return strconv.AppendUint(nil, r.Uint(), 10), nil
	case r.Kind() == reflect.String:
		return textKey(c, r.String())
	case r.Kind() == reflect.Bool:
		return strconv.AppendBool(nil, r.Bool()), nil
	case r.Kind() == reflect.Slice && r.Type().Elem().Kind() == reflect.Uint8:
		if c.Kind != dialect.KindBytes && c.Kind != dialect.KindDynamic {
			return textKey(c, string(r.Bytes()))
		}
		out := base64.StdEncoding.AppendEncode([]byte(`{"base64":"`), r.Bytes())
		return append(out, `"}`...), nil
	default:
		t, ok := r.Interface().(time.Time)
		if !ok {
			return nil, errKey
		}
		return keyTime(c, t)
	}
}

// textKey is a text, or what the column makes of it.
func textKey(c dialect.Column, text string) (json.RawMessage, error) {
	if c.Kind == dialect.KindInteger {
		if n, err := canonical.Canonical([]byte(text)); err == nil {
			return n, nil
		}
	}
	alike := reader.Alike(text)
	if c.Type == "uuid" || c.Kind == dialect.KindDecimal {
		// The last of what is alike is in small letters, or without zeros.
		for _, v := range alike {
			if v[0] == '"' && string(v) != string(canonical.AppendString(nil, text)) {
				return v, nil
			}
		}
	}
	return canonical.AppendString(nil, text), nil
}

func keyTime(c dialect.Column, t time.Time) (json.RawMessage, error) {
	var form string
	switch c.Kind {
	case dialect.KindDate:
		form = "2006-01-02"
	case dialect.KindTimestamp:
		form = "2006-01-02T15:04:05.000000"
	case dialect.KindInstant:
		form, t = "2006-01-02T15:04:05.000000Z", t.UTC()
	default:
		return nil, errKey
	}
	return canonical.AppendString(nil, t.Format(form)), nil
}

// Fill implements reader.Mapper.
func (m *mapper) Fill(ctx context.Context, v any, columns map[string]json.RawMessage) error {
	s, err := m.parse(v)
	if err != nil {
		return err
	}
	row := reflect.Indirect(reflect.ValueOf(v))
	for column, value := range columns {
		field := s.FieldsByDBName[column]
		if field == nil || field.Set == nil {
			continue
		}
		if err := field.Set(ctx, row, fieldValue(field, value)); err != nil {
			// The value itself stays out of the message.
			return fmt.Errorf("column %q does not fit field %s of type %s", column, field.Name,
				field.FieldType)
		}
	}
	return nil
}

// fieldValue is a value as a driver would have read it for a field: texts and
// numbers as text, which GORM converts, times as such, bytes as they were.
func fieldValue(field *schema.Field, v json.RawMessage) any {
	if annals.IsNull(v) {
		return nil
	}
	var text string
	if v[0] != '"' || json.Unmarshal(v, &text) != nil {
		return otherValue(field, v)
	}
	if field.Serializer != nil {
		return []byte(text)
	}
	if field.IndirectFieldType == reflect.TypeFor[time.Time]() || field.GORMDataType == schema.Time {
		if t, ok := parseTime(text); ok {
			return t
		}
	}
	if field.GORMDataType == schema.Bytes && field.Serializer == nil {
		return []byte(text)
	}
	return text
}

// parseTime reads the forms of entries, and those in which drivers of SQLite store
// a time.
func parseTime(text string) (t time.Time, ok bool) {
	text, _, _ = strings.Cut(text, " m=") // the monotonic clock
	for _, form := range []string{
		time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02 15:04:05Z07:00",
		"2006-01-02 15:04:05", "2006-01-02 15:04:05 -0700 MST", "2006-01-02", "15:04:05",
	} {
		if t, err := time.Parse(form, text); err == nil {
			return t, true
		}
	}
	return t, false
}

// otherValue is one that is no text.
func otherValue(field *schema.Field, v json.RawMessage) any {
	switch v[0] {
	case 't', 'f':
		return v[0] == 't'
	case '{':
		var binary struct {
			Base64 *string `json:"base64"`
		}
		if json.Unmarshal(v, &binary) == nil && binary.Base64 != nil {
			if b, err := base64.StdEncoding.DecodeString(*binary.Base64); err == nil {
				return b
			}
		}
		return []byte(v)
	case '[':
		return []byte(v)
	}
	if n, err := strconv.ParseInt(string(v), 10, 64); err == nil {
		if field.GORMDataType == schema.Bool {
			return n != 0
		}
		return n
	}
	return string(v)
}

var _ reader.Mapper = (*mapper)(nil)
