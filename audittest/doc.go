// Package audittest is for the tests of programs that are audited: it makes the
// audit tables of a test's database, and checks which entries were recorded.
//
//	aud := audittest.New(t, auditor.Config{
//		Sources:  map[string]auditor.Source{"blog": {DB: db, Dialect: dialect.SQLiteName}},
//		Entities: map[string]config.Entity{"post": {Table: "posts"}},
//	})
//	// … db.Use(gormcapture.New(aud)), and the code under test
//	audittest.Expect(t, aud).Ignoring("updated_at").Exactly(
//		audittest.Insert("post", "1", audittest.Set("title", "x")),
//		audittest.Update("post", "1", audittest.Change("title", "x", "y")),
//	)
//
// Entries are kept where a program keeps them: in tables beside those that they
// are about, in the test's own database, which the test opens with the driver it
// likes. What a test finds was committed together with the change; a rollback, a
// failing constraint or a missing right shows as it does in production. A
// pretended storage in memory could tell none of that.
//
// docs/guides/testing.md says how to go about it with databases of a test's own,
// shared databases and parallel tests.
package audittest
