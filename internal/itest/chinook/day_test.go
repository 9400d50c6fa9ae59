package chinook_test

import (
	"errors"
	"fmt"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/seed-162b1470/annals"
)

// step is one thing that somebody does: one transaction, unless it is silent.
type step struct {
	comment string
	who     annals.Actor
	from    annals.Origin
	// silent steps leave nothing behind: they fail, take themselves back or change
	// nothing.
	silent bool
	// do is the work. What it returns is what the program saw.
	do func(db *gorm.DB) any
}

// People, and where they work from.
var (
	jane = annals.Actor{ID: "3", Name: "Jane Peacock", Email: "jane@example.org", Type: "Employee", Context: "api"}
	boss = annals.Actor{ID: "1", Name: "Andrew Ådams", Email: "andrew@example.org", Type: "Employee", Context: "admin"}
	job  = annals.Actor{ID: "prices", Type: "Service", Context: "job"}

	web   = annals.Origin{IP: "192.0.2.7", UserAgent: "Browser/1.0 (a \"quoted\" word)", RequestID: "r-1001"}
	desk  = annals.Origin{IP: "2001:db8::7", UserAgent: "Desk/2", RequestID: "r-2002"}
	night = annals.Origin{RequestID: "job-7"}
)

// saw is the usual view: rows affected, the error's text and the caller's values.
type saw struct {
	Rows   int64
	Err    string
	Values []any
}

func see(tx *gorm.DB, values ...any) saw {
	s := seeErr(tx.Error, values...)
	s.Rows = tx.RowsAffected
	return s
}

func seeErr(err error, values ...any) saw {
	s := saw{Values: values}
	if err != nil {
		s.Err = err.Error()
	}
	return s
}

// businessDay is the whole script. Keys that the database makes are the same
// everywhere as long as nothing that makes one fails before; what fails comes last.
func businessDay() []step {
	var all []step
	for _, part := range [][]step{orders(), prices(), people(), playlists(), catalogue(), failures()} {
		all = append(all, part...)
	}
	return all
}

func orders() []step {
	return []step{
		{"order by telephone", jane, desk, false, func(db *gorm.DB) any {
			order := Invoice{
				CustomerID: 2, InvoiceDate: hour(9, 1, 2), Total: "3.96", BillingCity: pointer("Łódź"),
				BillingAddress: pointer("ulica „Żółwia” 7/8\nII piętro"), BillingCountry: pointer("Polska"),
				Lines: []InvoiceLine{
					{TrackID: 1, UnitPrice: "0.99", Quantity: 1},
					{TrackID: 6, UnitPrice: "0.99", Quantity: 2},
					{TrackID: 14, UnitPrice: "0.99", Quantity: 1},
				},
			}
			return see(db.Create(&order), order)
		}},
		{"a new customer with two orders", jane, web, false, func(db *gorm.DB) any {
			customer := Customer{
				FirstName: "美咲", LastName: "O’Brien-Ørsted", Email: "misaki@example.org",
				Phone: pointer("+81 (3) 5555-0199"), City: pointer("東京"), SupportRepID: pointer(5),
				Invoices: []Invoice{
					{InvoiceDate: hour(9, 30, 0), Total: "1.98", Lines: []InvoiceLine{
						{TrackID: 2, UnitPrice: "0.99", Quantity: 2},
					}},
					{InvoiceDate: day(2024, 2, 29), Total: "0"},
				},
			}
			return see(db.Create(&customer), customer)
		}},
		{"orders of the night in batches", job, night, false, func(db *gorm.DB) any {
			var all []Invoice
			for i := range 7 {
				all = append(all, Invoice{
					CustomerID: 10 + i, InvoiceDate: hour(3, i, 0), Total: fmt.Sprintf("%d.10", i),
					Lines: []InvoiceLine{
						{TrackID: 100 + i, UnitPrice: "1.10", Quantity: i},
						{TrackID: 200 + i, UnitPrice: "0.00", Quantity: 1},
					},
				})
			}
			return see(db.CreateInBatches(&all, 3), all)
		}},
		{"one line more", jane, desk, false, func(db *gorm.DB) any {
			order := Invoice{InvoiceID: 413}
			err := db.Model(&order).Association("Lines").Append(
				&InvoiceLine{TrackID: 21, UnitPrice: "1.99", Quantity: 1})
			return seeErr(err, order)
		}},
		{"a line moves to another order", jane, desk, false, func(db *gorm.DB) any {
			return see(db.Model(&InvoiceLine{InvoiceLineID: 2241}).Updates(InvoiceLine{InvoiceID: 414, Quantity: 3}))
		}},
		{"the total is worked out again", jane, desk, false, func(db *gorm.DB) any {
			sum := db.Session(&gorm.Session{NewDB: true}).Model(&InvoiceLine{}).
				Select(cond(db, "ROUND(SUM(UnitPrice * Quantity), 2)")).Where(cond(db, "InvoiceID = ?"), 414)
			return see(db.Model(&Invoice{InvoiceID: 414}).Update("Total", sum))
		}},
	}
}

func prices() []step {
	return []step{
		{"long rock is dearer", boss, web, false, func(db *gorm.DB) any {
			return see(db.Model(&Track{}).Where(cond(db, "GenreID = ? AND Milliseconds > ?"), 1, 300000).
				Update("UnitPrice", gorm.Expr(cond(db, "ROUND(UnitPrice + ?, 2)"), "0.10")))
		}},
		{"a tenth off all Latin", job, night, false, func(db *gorm.DB) any {
			latin := db.Session(&gorm.Session{NewDB: true}).Model(&Genre{}).
				Select(column(db, "GenreID")).Where(cond(db, "Name = ?"), "Latin")
			return see(db.Model(&Track{}).Where(cond(db, "GenreID IN (?)"), latin).
				Updates(map[string]any{"UnitPrice": gorm.Expr(cond(db, "ROUND(UnitPrice * 0.9, 2)")), "Composer": nil}))
		}},
		{"a price list saved as a whole", boss, web, false, func(db *gorm.DB) any {
			var list []Track
			found := see(db.Where(cond(db, "AlbumID IN ?"), []int{2, 3, 4, 5}).Order(column(db, "TrackID")).Find(&list))
			for i := range list {
				if i%3 == 0 {
					list[i].UnitPrice = fmt.Sprintf("1.%02d", 3*i)
				}
			}
			list[1].GenreID, list[1].Composer = nil, pointer("  \t\"J. S. Bach\" \\ 'C. P. E.' é = e\u0301  ")
			err := db.Save(&list).Error // rows affected are the database's own way of counting
			return []any{found, seeErr(err, list)}
		}},
		{"a page after the other", job, night, false, func(db *gorm.DB) any {
			var page []Invoice
			var seen []any
			err := db.Transaction(func(tx *gorm.DB) error {
				return tx.Where(cond(db, "CustomerID = ?"), 5).FindInBatches(&page, 3, func(tx *gorm.DB, n int) error {
					for i := range page {
						page[i].BillingState = pointer(fmt.Sprintf("page %d", n))
						seen = append(seen, see(tx.Select("BillingState", "BillingPostalCode").Updates(&page[i])))
					}
					return nil
				}).Error
			})
			return seeErr(err, seen...)
		}},
		{"prices that stay as they are", job, night, true, func(db *gorm.DB) any {
			// MySQL counts rows that changed, the others rows that matched: not compared.
			return seeErr(db.Model(&Track{}).Where(cond(db, "UnitPrice > ?"), 1.5).
				Update("UnitPrice", gorm.Expr(column(db, "UnitPrice"))).Error)
		}},
	}
}

func people() []step {
	return []step{
		{"a letter came back", jane, desk, false, func(db *gorm.DB) any {
			return see(db.Model(&Customer{CustomerID: 2}).Updates(map[string]any{
				"Address": "Große Straße 1", "State": nil, "Email": "leonie.köhler@example.org", "Phone": "+49 711 000000",
			}))
		}},
		{"only what is not kept", jane, desk, true, func(db *gorm.DB) any {
			return see(db.Model(&Customer{CustomerID: 2}).Update("Phone", "+49 711 111111"))
		}},
		{"only what is masked", jane, desk, false, func(db *gorm.DB) any {
			return see(db.Model(&Customer{CustomerID: 37}).Update("Email", "fynn@example.org"))
		}},
		{"the whole form saved", jane, web, false, func(db *gorm.DB) any {
			var c Customer
			first := see(db.First(&c, 57))
			c.City, c.Company, c.PostalCode = pointer("Ñuñoa"), pointer(""), pointer("0007500")
			return []any{first, see(db.Save(&c), c)}
		}},
		{"customers 58 and 59 are one", boss, web, false, mergeCustomers},
		{"dates put right", boss, web, false, func(db *gorm.DB) any {
			hired, born := day(2004, 3, 5), day(1968, 1, 10)
			return see(db.Model(&Employee{EmployeeID: 8}).Updates(Employee{HireDate: &hired, BirthDate: &born}))
		}},
		{"Steve cannot go yet", boss, web, true, func(db *gorm.DB) any {
			return see(db.Delete(&Employee{EmployeeID: 5}))
		}},
		{"Steve and Michael leave", boss, web, false, func(db *gorm.DB) any {
			var seen []any
			err := db.Transaction(func(tx *gorm.DB) error {
				seen = append(seen,
					see(tx.Model(&Customer{}).Where(cond(db, "SupportRepID = ? AND CustomerID < ?"), 5, 40).Update("SupportRepID", 3)),
					see(tx.Model(&Customer{}).Where(cond(db, "SupportRepID = ?"), 5).Update("SupportRepID", nil)),
					see(tx.Model(&Employee{EmployeeID: 7}).Update("ReportsTo", 1)),
					see(tx.Model(&Employee{}).Where(cond(db, "ReportsTo = ?"), 6).Update("ReportsTo", nil)),
					see(tx.Delete(&Employee{}, []int{5, 6})))
				return nil
			})
			return seeErr(err, seen...)
		}},
		{"Nancy's team is put together anew", boss, web, false, func(db *gorm.DB) any {
			err := db.Transaction(func(tx *gorm.DB) error {
				return tx.Model(&Employee{EmployeeID: 2}).Association("Reports").
					Replace(&Employee{EmployeeID: 3, LastName: "Peacock", FirstName: "Jane"}, &Employee{
						EmployeeID: 9, LastName: "Ωmega", FirstName: "Ада", HireDate: pointer(hour(14, 0, 0)), Fax: pointer("+1 555"),
					})
			})
			return seeErr(err)
		}},
		{"Margaret takes those without anyone", boss, web, false, func(db *gorm.DB) any {
			var free []Customer
			found := see(db.Where(cond(db, "SupportRepID IS NULL")).Order(column(db, "CustomerID")).Find(&free))
			err := db.Model(&Employee{EmployeeID: 4}).Association("Customers").Append(free)
			return seeErr(err, found, free)
		}},
	}
}

// mergeCustomers gives customer 58 what 59 had, and removes 59.
func mergeCustomers(db *gorm.DB) any {
	var seen []any
	err := db.Transaction(func(tx *gorm.DB) error {
		var keep, gone Customer
		seen = append(seen,
			see(tx.Clauses(clause.Locking{Strength: "UPDATE"}).Preload("Invoices", func(p *gorm.DB) *gorm.DB {
				return p.Order(column(db, "InvoiceID"))
			}).First(&gone, 59), gone),
			see(tx.First(&keep, 58), keep),
			see(tx.Model(&Invoice{}).Where(cond(db, "CustomerID = ?"), 59).Update("CustomerID", 58)),
			see(tx.Model(&keep).Updates(Customer{
				LastName: "Pareek-Srivastava", Company: gone.Address, Email: gone.Email, Phone: gone.Phone,
			}), keep),
			see(tx.Delete(&gone)))
		return nil
	})
	return seeErr(err, seen...)
}

func playlists() []step {
	return []step{
		{"On-The-Go gets two more", jane, web, false, func(db *gorm.DB) any {
			list := Playlist{PlaylistID: 18}
			err := db.Model(&list).Association("Tracks").Append(&[]Track{mustTrack(db, 1), mustTrack(db, 2)})
			return seeErr(err, list)
		}},
		{"On-The-Go is put together anew", jane, web, false, func(db *gorm.DB) any {
			list := Playlist{PlaylistID: 18}
			var seen []any
			err := db.Transaction(func(tx *gorm.DB) error {
				tracks := func() *gorm.Association { return tx.Model(&list).Association("Tracks") }
				seen = append(seen,
					seeErr(tracks().Replace([]Track{
						mustTrack(tx, 2), mustTrack(tx, 3), mustTrack(tx, 5), mustTrack(tx, 8),
					})),
					tracks().Count(),
					seeErr(tracks().Delete(Track{TrackID: 3}, Track{TrackID: 999})),
					tracks().Count())
				return nil
			})
			return seeErr(err, append(seen, list)...)
		}},
		{"Grunge is cleared", jane, web, false, func(db *gorm.DB) any {
			list := Playlist{PlaylistID: 16}
			err := db.Model(&list).Association("Tracks").Clear()
			return seeErr(err, list)
		}},
		{"a new list of known tracks", jane, web, false, func(db *gorm.DB) any {
			list := Playlist{Name: pointer("Środa ♫"), Tracks: []Track{mustTrack(db, 2), mustTrack(db, 7)}}
			return see(db.Create(&list), list)
		}},
		{"two lists of one name", boss, web, false, func(db *gorm.DB) any {
			var lists []Playlist
			found := see(db.Where(cond(db, "Name = ?"), "TV Shows").Order(column(db, "PlaylistID")).Find(&lists))
			if len(lists) != 2 {
				return found
			}
			return see(db.Select("Tracks").Delete(&lists[1]), found)
		}},
		{"empty lists go", boss, web, false, func(db *gorm.DB) any {
			used := db.Session(&gorm.Session{NewDB: true}).Model(&PlaylistTrack{}).Select(column(db, "PlaylistID"))
			return see(db.Where(cond(db, "PlaylistID NOT IN (?)"), used).Delete(&Playlist{}))
		}},
	}
}

// mustTrack reads a track as a program would that shows it first.
func mustTrack(db *gorm.DB, id int) (t Track) {
	if err := db.Session(&gorm.Session{NewDB: true}).First(&t, id).Error; err != nil {
		panic(err)
	}
	return t
}

func catalogue() []step {
	return []step{
		{"genres as the label has them", job, night, false, func(db *gorm.DB) any {
			genres := []Genre{
				{1, pointer("Rock")}, {2, pointer("Jazz & Blues")}, {26, pointer("Ambient – Żółć")}, {25, nil},
			}
			name := column(db, "Name")
			return seeErr(db.Clauses(clause.OnConflict{
				Columns:   []clause.Column{{Name: column(db, "GenreID")}},
				DoUpdates: clause.AssignmentColumns([]string{name}),
			}).Create(&genres).Error, genres)
		}},
		{"genres that are there", job, night, true, func(db *gorm.DB) any {
			genres := []Genre{{3, pointer("Heavy")}, {4, pointer("Punk")}}
			return see(db.Clauses(clause.OnConflict{DoNothing: true}).Create(&genres), genres)
		}},
		{"an artist found or made", jane, web, false, func(db *gorm.DB) any {
			artist := Artist{Name: pointer("Björk Guðmundsdóttir")}
			return see(db.Where(&artist).FirstOrCreate(&artist), artist)
		}},
		{"an artist with a long story", boss, web, false, func(db *gorm.DB) any {
			artist := Artist{ArtistID: 1}
			seen := see(db.Preload("Albums", func(p *gorm.DB) *gorm.DB {
				return p.Order(column(db, "AlbumID"))
			}).First(&artist))
			artist.Name = pointer(`AC\DC "live" <'at'> %_; --`)
			artist.Albums[0].Title = "not saved by a belongs-to"
			return []any{seen, see(db.Omit("Albums").Save(&artist))}
		}},
		{"an album cannot go while it was sold", boss, web, true, func(db *gorm.DB) any {
			return see(db.Select("Tracks").Delete(&Album{AlbumID: 1}))
		}},
		{"album 23 is discontinued", boss, web, false, discontinue},
		{"track 11 gets another number", boss, web, false, func(db *gorm.DB) any {
			var lists []PlaylistTrack
			var seen []any
			err := db.Transaction(func(tx *gorm.DB) error {
				by := cond(db, "TrackID = ?")
				seen = append(seen, see(tx.Where(by, 11).Order(column(db, "PlaylistID")).Find(&lists)),
					see(tx.Where(by, 11).Delete(&PlaylistTrack{})),
					see(tx.Model(&Track{}).Where(by, 11).Updates(map[string]any{"TrackID": 90011, "Bytes": nil})))
				for i := range lists {
					lists[i].TrackID = 90011
				}
				seen = append(seen, see(tx.Create(&lists), lists))
				return nil
			})
			return seeErr(err, seen...)
		}},
		{"and changes once more", boss, web, false, func(db *gorm.DB) any {
			return see(db.Model(&Track{TrackID: 90011}).Update("Name", "C.O.D. (remastered)"))
		}},
		{"a sold track keeps its number", boss, web, true, func(db *gorm.DB) any {
			return see(db.Model(&Track{}).Where(cond(db, "TrackID = ?"), 2).Update("TrackID", 90002))
		}},
		{"a list's place is given to another", jane, web, false, func(db *gorm.DB) any {
			return see(db.Model(&PlaylistTrack{}).Where(cond(db, "PlaylistID = ? AND TrackID = ?"), 9, 3402).
				Update("PlaylistID", 18))
		}},
	}
}

// discontinue removes an album with all that hangs on it, in bulk.
func discontinue(db *gorm.DB) any {
	var seen []any
	err := db.Transaction(func(tx *gorm.DB) error {
		its := func() *gorm.DB {
			return db.Session(&gorm.Session{NewDB: true}).Model(&Track{}).Select(column(db, "TrackID")).
				Where(cond(db, "AlbumID = ?"), 23)
		}
		of := cond(db, "TrackID IN (?)")
		seen = append(seen,
			see(tx.Where(of, its()).Delete(&InvoiceLine{})),
			see(tx.Where(of, its()).Delete(&PlaylistTrack{})),
			see(tx.Where(cond(db, "AlbumID = ?"), 23).Delete(&Track{})),
			see(tx.Delete(&Album{AlbumID: 23})))
		return nil
	})
	return seeErr(err, seen...)
}

var errChangedMind = errors.New("the customer changed her mind")

func failures() []step {
	return []step{
		{"an order with a gift that is not there", jane, desk, false, func(db *gorm.DB) any {
			var seen []any
			order := Invoice{CustomerID: 3, InvoiceDate: hour(16, 0, 0), Total: "0.99"}
			err := db.Transaction(func(tx *gorm.DB) error {
				seen = append(seen, see(tx.Create(&order), order))
				gift := tx.Transaction(func(inner *gorm.DB) error {
					seen = append(seen, see(inner.Model(&order).Update("Total", "0.50")))
					return inner.Create(&InvoiceLine{InvoiceID: order.InvoiceID, TrackID: 77777, UnitPrice: "0", Quantity: 1}).Error
				})
				tx.SavePoint("before_note")
				note := see(tx.Model(&order).Update("BillingCity", "nowhere"))
				tx.RollbackTo("before_note")
				again := tx.Transaction(func(inner *gorm.DB) error {
					return inner.Create(&InvoiceLine{InvoiceLineID: 5000, InvoiceID: order.InvoiceID, TrackID: 3, UnitPrice: "0.99", Quantity: 1}).Error
				})
				seen = append(seen, seeErr(gift), note, seeErr(again))
				return nil
			})
			return seeErr(err, append(seen, order)...)
		}},
		{"an order taken back", jane, desk, true, func(db *gorm.DB) any {
			order := Invoice{
				InvoiceID: 9999, CustomerID: 4, InvoiceDate: hour(16, 30, 0), Total: "0.99",
				Lines: []InvoiceLine{{InvoiceLineID: 99999, TrackID: 3, UnitPrice: "0.99", Quantity: 1}},
			}
			var seen saw
			err := db.Transaction(func(tx *gorm.DB) error {
				seen = see(tx.Create(&order))
				see(tx.Model(&Customer{CustomerID: 4}).Update("City", "never"))
				return errChangedMind
			})
			return seeErr(err, seen, order)
		}},
		{"the same key twice", jane, desk, true, func(db *gorm.DB) any {
			return see(db.Create(&Invoice{InvoiceID: 1, CustomerID: 4, InvoiceDate: hour(17, 0, 0), Total: "1"}))
		}},
		{"an order of nobody", jane, desk, true, func(db *gorm.DB) any {
			return see(db.Model(&Invoice{InvoiceID: 1}).Update("CustomerID", 4711))
		}},
		{"the day is closed", boss, web, false, func(db *gorm.DB) any {
			return see(db.Model(&Customer{CustomerID: 58}).Updates(map[string]any{"Company": nil, "SupportRepID": 4}))
		}},
	}
}
