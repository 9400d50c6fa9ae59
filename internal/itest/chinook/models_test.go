package chinook_test

import (
	"regexp"
	"strings"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/schema"

	"github.com/seed-162b1470/annals/config"
	"github.com/seed-162b1470/annals/dialect"
)

// The eleven tables. Prices are text, so that no digit is lost on the way.

type Artist struct {
	ArtistID int `gorm:"primaryKey"`
	Name     *string
	Albums   []Album
}

type Album struct {
	AlbumID  int `gorm:"primaryKey"`
	Title    string
	ArtistID int
	Artist   *Artist
	Tracks   []Track
}

type Genre struct {
	GenreID int `gorm:"primaryKey"`
	Name    *string
}

type MediaType struct {
	MediaTypeID int `gorm:"primaryKey"`
	Name        *string
}

type Track struct {
	TrackID      int `gorm:"primaryKey"`
	Name         string
	AlbumID      *int
	MediaTypeID  int
	GenreID      *int
	Genre        *Genre
	MediaType    *MediaType
	Composer     *string
	Milliseconds int
	Bytes        *int
	UnitPrice    string
}

type Employee struct {
	EmployeeID int `gorm:"primaryKey"`
	LastName   string
	FirstName  string
	Title      *string
	ReportsTo  *int
	BirthDate  *time.Time
	HireDate   *time.Time
	Address    *string
	City       *string
	State      *string
	Country    *string
	PostalCode *string
	Phone      *string
	Fax        *string
	Email      *string
	Reports    []Employee `gorm:"foreignKey:ReportsTo"`
	Customers  []Customer `gorm:"foreignKey:SupportRepID"`
}

type Customer struct {
	CustomerID   int `gorm:"primaryKey"`
	FirstName    string
	LastName     string
	Company      *string
	Address      *string
	City         *string
	State        *string
	Country      *string
	PostalCode   *string
	Phone        *string
	Fax          *string
	Email        string
	SupportRepID *int
	Invoices     []Invoice
}

type Invoice struct {
	InvoiceID         int `gorm:"primaryKey"`
	CustomerID        int
	InvoiceDate       time.Time
	BillingAddress    *string
	BillingCity       *string
	BillingState      *string
	BillingCountry    *string
	BillingPostalCode *string
	Total             string
	Lines             []InvoiceLine
}

type InvoiceLine struct {
	InvoiceLineID int `gorm:"primaryKey"`
	InvoiceID     int
	TrackID       int
	UnitPrice     string
	Quantity      int
}

type Playlist struct {
	PlaylistID int `gorm:"primaryKey"`
	Name       *string
	Tracks     []Track `gorm:"many2many:PlaylistTrack;joinForeignKey:PlaylistID;joinReferences:TrackID"`
}

type PlaylistTrack struct {
	PlaylistID int `gorm:"primaryKey;autoIncrement:false"`
	TrackID    int `gorm:"primaryKey;autoIncrement:false"`
}

// models are all of them.
func models() []any {
	return []any{
		&Artist{}, &Album{}, &Genre{}, &MediaType{}, &Track{}, &Employee{}, &Customer{},
		&Invoice{}, &InvoiceLine{}, &Playlist{}, &PlaylistTrack{},
	}
}

// camel names tables and columns as the scripts for MySQL and SQLite do: AlbumId.
type camel struct{ schema.NamingStrategy }

func (camel) TableName(table string) string      { return table }
func (camel) JoinTableName(table string) string  { return table }
func (camel) ColumnName(_, column string) string { return camelName(column) }
func camelName(field string) string              { return strings.Replace(field, "ID", "Id", 1) }
func snakeNames() schema.NamingStrategy          { return schema.NamingStrategy{SingularTable: true} }
func pointer[T any](v T) *T                      { return &v }
func column(db *gorm.DB, field string) string    { return db.NamingStrategy.ColumnName("", field) }

func day(year int, m time.Month, d int) time.Time { return time.Date(year, m, d, 0, 0, 0, 0, time.UTC) }

func hour(h, m, s int) time.Time { return time.Date(2026, 3, 2, h, m, s, 0, time.UTC) }

// namer names tables and columns as the script of a database does.
func namer(dialectName string) schema.Namer {
	if dialectName == dialect.PostgresName {
		return snakeNames()
	}
	return camel{}
}

var fields = regexp.MustCompile(`\b[A-Z][a-z]\w*`)

// cond writes a condition with the fields' columns: "GenreID = ? AND Milliseconds > ?".
func cond(db *gorm.DB, text string) string {
	return fields.ReplaceAllStringFunc(text, func(field string) string { return column(db, field) })
}

// kind is how the values of a column are.
type kind int

const (
	text kind = iota
	number
	decimal
	instant
)

// col is a column of a table, by the name of its field, and what its rule is.
type col struct {
	field string
	kind
	masked, ignored bool
}

// table is an audited table.
type table struct {
	entity, model string
	key           []string
	columns       []col
}

// shop is the sample database as this test knows it, apart from annals and GORM.
func shop() []table {
	texts := func(names ...string) (c []col) {
		for _, n := range names {
			c = append(c, col{field: n})
		}
		return c
	}
	numbers := func(names ...string) (c []col) {
		for _, n := range names {
			c = append(c, col{field: n, kind: number})
		}
		return c
	}
	join := func(parts ...[]col) (c []col) {
		for _, p := range parts {
			c = append(c, p...)
		}
		return c
	}
	one := func(entity, model string, columns ...[]col) table {
		return table{entity, model, []string{model + "ID"}, join(append(columns, numbers(model+"ID"))...)}
	}
	address := texts("Address", "City", "State", "Country", "PostalCode")
	return []table{
		one("artist", "Artist", texts("Name")),
		one("album", "Album", texts("Title"), numbers("ArtistID")),
		one("genre", "Genre", texts("Name")),
		one("media_type", "MediaType", texts("Name")),
		one("track", "Track", texts("Name", "Composer"),
			numbers("AlbumID", "MediaTypeID", "GenreID", "Milliseconds", "Bytes"),
			[]col{{field: "UnitPrice", kind: decimal}}),
		one("employee", "Employee", texts("LastName", "FirstName", "Title", "Phone", "Email"), address,
			numbers("ReportsTo"), []col{
				{field: "BirthDate", kind: instant, masked: true},
				{field: "HireDate", kind: instant},
				{field: "Fax", ignored: true},
			}),
		one("customer", "Customer", texts("FirstName", "LastName", "Company", "Fax"), address,
			numbers("SupportRepID"), []col{{field: "Phone", ignored: true}, {field: "Email", masked: true}}),
		one("invoice", "Invoice", texts("BillingAddress", "BillingCity", "BillingState", "BillingCountry",
			"BillingPostalCode"), numbers("CustomerID"),
			[]col{{field: "InvoiceDate", kind: instant}, {field: "Total", kind: decimal}}),
		one("invoice_line", "InvoiceLine", numbers("InvoiceID", "TrackID", "Quantity"),
			[]col{{field: "UnitPrice", kind: decimal}}),
		one("playlist", "Playlist", texts("Name")),
		{
			"playlist_track", "PlaylistTrack",
			[]string{"PlaylistID", "TrackID"},
			numbers("PlaylistID", "TrackID"),
		},
	}
}

// rules are the entities of the shop for annals.
func rules(n schema.Namer) map[string]config.Entity {
	all := map[string]config.Entity{}
	for _, t := range shop() {
		e := config.Entity{Table: n.TableName(t.model)}
		for _, c := range t.columns {
			name := n.ColumnName("", c.field)
			switch {
			case c.masked:
				e.Mask = append(e.Mask, name)
			case c.ignored:
				e.Ignore = append(e.Ignore, name)
			case c.field == "Name" || c.field == "Title" && t.entity == "album" || c.field == "LastName":
				e.Label = name
			}
		}
		all[t.entity] = e
	}
	return all
}

// links are the relations that GORM's models declare: a field of an owner, and the
// foreign key (a column of a table) that makes a link. through is another column of
// the same table that has the target, where that is not the row itself.
type link struct {
	owner, field, target string
	table, column        string
	through              string
}

func links() []link {
	return []link{
		{"artist", "Albums", "album", "album", "ArtistID", ""},
		{"album", "Tracks", "track", "track", "AlbumID", ""},
		{"employee", "Reports", "employee", "employee", "ReportsTo", ""},
		{"employee", "Customers", "customer", "customer", "SupportRepID", ""},
		{"customer", "Invoices", "invoice", "invoice", "CustomerID", ""},
		{"invoice", "Lines", "invoice_line", "invoice_line", "InvoiceID", ""},
		{"playlist", "Tracks", "track", "playlist_track", "PlaylistID", "TrackID"},
	}
}
