package sqlstore

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/dialect"
	"github.com/seed-162b1470/annals/layout"
	"github.com/seed-162b1470/annals/storage"
)

// A page is a union of branches, one for each way into each audit table; every
// branch reads one index in the order of the page and stops at the limit.
const (
	// maxBranches keeps a statement below SQLite's limit of 500 terms.
	maxBranches = 400
	// maxWays is how many objects, actors or types get a branch of their own. More
	// of them share one, whose rows have to be sorted.
	maxWays = 16
	// fewBranches are asked for whole rows at once; for more, narrow pays off.
	fewBranches = 8
)

// branch is one way into an audit table.
type branch struct {
	entity int
	table  layout.Table
	// column and values lead the index; no column means the order alone.
	column string
	values []any
	// not excludes what another branch finds.
	not string
}

// Find implements storage.Store. A page of few entities is one statement. For
// many, a first statement asks each table for its next instants alone, which
// says how far the page reaches and which tables have a part in it; the second
// asks those, or all where the server keeps plans. A single revision is read whole
// in any case and takes one statement.
//
// What cannot be brought to canonical form, because somebody else wrote it, is
// returned as it is stored.
func (s *Store) Find(ctx context.Context, q storage.Query) ([]annals.Entry, error) {
	if len(q.Entities) == 0 || q.Limit < 1 {
		return nil, &annals.Error{
			Op: "find", Subject: "entries",
			Err: fmt.Errorf("no entity or no limit: %w", annals.ErrConfig),
		}
	}
	q, none, err := s.byHash(ctx, q)
	if err != nil || none {
		return []annals.Entry{}, err
	}
	branches, err := s.branches(ctx, q)
	if err != nil {
		return nil, err
	}
	out, err := s.matching(ctx, q, branches)
	if err != nil {
		return nil, s.explain(ctx, q, err)
	}
	return out, nil
}

// mostAtOnce is how many entries are read at a time where few of them match.
const mostAtOnce = 500

// matching reads a page whose entries meet the conditions that SQL cannot tell.
func (s *Store) matching(
	ctx context.Context, q storage.Query, branches []branch,
) ([]annals.Entry, error) {
	if !slices.ContainsFunc(q.Where, func(c storage.Condition) bool { return !c.Exact() }) {
		return s.page(ctx, q, branches)
	}
	out, ask := []annals.Entry{}, q
	for {
		page, err := s.page(ctx, ask, branches)
		if err != nil {
			return nil, err
		}
		for i := range page {
			if storage.Match(q.Where, &page[i]) {
				out = append(out, page[i])
			}
		}
		if len(page) < ask.Limit || len(out) >= q.Limit {
			return out[:min(len(out), q.Limit)], nil
		}
		if last := page[len(page)-1].Cursor(); q.Ascending {
			ask.After = last
		} else {
			ask.Before = last
		}
		ask.Limit = max(q.Limit, min(2*ask.Limit, mostAtOnce))
	}
}

// page reads the page of branches, of as few as possible.
func (s *Store) page(
	ctx context.Context, q storage.Query, branches []branch,
) ([]annals.Entry, error) {
	if len(branches) <= fewBranches {
		return s.findIn(ctx, q, branches, "")
	}
	if len(q.Hashes) == 1 && branches[0].column == layout.ColTransactionHash {
		// Its index has no order: all of a revision is read and sorted, which is done once.
		return s.findAll(ctx, q, branches, "")
	}
	some, bound, err := s.narrow(ctx, q, branches)
	if err != nil {
		return nil, err
	}
	if s.eng.keepsPlans() {
		some = branches
	}
	if bound == "" {
		return s.findAll(ctx, q, some, "")
	}
	out, err := s.findAll(ctx, q, some, bound)
	if err != nil || len(out) >= q.Limit {
		return out, err
	}
	// Entries that the bound counted on were deleted meanwhile.
	return s.findAll(ctx, q, branches, "")
}

// findAll joins the statements that branches need.
func (s *Store) findAll(
	ctx context.Context, q storage.Query, branches []branch, bound string,
) ([]annals.Entry, error) {
	out := []annals.Entry{}
	statements := 0
	for part := range slices.Chunk(branches, s.branchesAtOnce(branches, q)) {
		statements++
		found, err := s.findIn(ctx, q, part, bound)
		if err != nil {
			return nil, err
		}
		out = append(out, found...)
	}
	if statements < 2 {
		return out, nil
	}
	slices.SortFunc(out, func(x, y annals.Entry) int {
		if x.Cursor().Before(y.Cursor()) != q.Ascending {
			return 1
		}
		return -1
	})
	return out[:min(len(out), q.Limit)], nil
}

// branchesAtOnce keeps statements below the limits of terms and parameters.
func (s *Store) branchesAtOnce(branches []branch, q storage.Query) int {
	each := 40 + 2*len(q.ObjectIDs) + len(q.Types) + len(q.Actors) + len(q.Hashes) + len(q.Fields) +
		len(q.Sources) + parameters(q.Where)
	most := s.cfg.Dialect.Limits().Parameters / each
	return max(1, min(maxBranches, most, len(branches)))
}

// narrow asks every branch for the instants of its first entries. The limit-th
// instant of them all bounds the page: that many entries lie before it. It
// returns the branches with a part in the page, and the bound as text of
// layout.InstantFormat, "" where there are fewer entries than that.
//
// Places are compared by their instant alone, which is cheap: what shares it may
// take part, but does not count.
func (s *Store) narrow(
	ctx context.Context, q storage.Query, branches []branch,
) (some []branch, bound string, err error) {
	first := q
	first.Limit = max(1, (2*q.Limit+len(branches)-1)/len(branches))
	before, after := formatInstant(q.Before.CreatedAt), formatInstant(q.After.CreatedAt)
	instants := make([][]string, len(branches))
	var all []string
	size := s.branchesAtOnce(branches, q)
	for at := 0; at < len(branches); at += size {
		b := &builder{d: s.cfg.Dialect}
		b.text("SELECT n, ", s.eng.instant(b.d.Quote(layout.ColCreatedAt)), " FROM (")
		s.union(b, branches[at:min(at+size, len(branches))], func(i int, br branch) {
			columns := []string{layout.ColCreatedAt}
			s.branch(b, first, br, term{ordinal: at + i, columns: columns, loose: true})
		})
		b.text(") AS u")
		err := query(ctx, s.cfg.DB, b, func(scan func(...any) error) error {
			var n int
			var instant string
			err := scan(&n, &instant)
			instants[n] = append(instants[n], instant)
			if instant != before && instant != after {
				all = append(all, instant)
			}
			return err
		})
		if err != nil {
			return nil, "", err
		}
	}
	// The texts have one width and sort as the instants do.
	slices.Sort(all)
	if !q.Ascending {
		slices.Reverse(all)
	}
	if len(all) >= q.Limit {
		bound = all[q.Limit-1]
	}
	for i, br := range branches {
		if len(instants[i]) > 0 && (bound == "" || instants[i][0] == bound ||
			(instants[i][0] < bound) == q.Ascending) {
			some = append(some, br)
		}
	}
	return some, bound, nil
}

func (s *Store) branches(ctx context.Context, q storage.Query) ([]branch, error) {
	var out []branch
	for n, entity := range q.Entities {
		table, err := s.audit(ctx, entity)
		if err != nil {
			return nil, err
		}
		add := func(column string, values []any, not string) {
			out = append(out, branch{n, table, column, values, not})
		}
		switch {
		case len(q.ObjectIDs) > 0:
			ids := texts(q.ObjectIDs)
			ways(layout.ColObjectID, ids, add)
			add(layout.ColPreviousObjectID, ids, layout.ColObjectID)
		case len(q.Hashes) > 0:
			add(layout.ColTransactionHash, texts(q.Hashes), "")
		case len(q.Actors) > 0:
			ways(layout.ColBlameID, texts(q.Actors), add)
		case len(q.Types) > 0 && len(q.Types) < len(annals.EntryTypes()):
			ways(layout.ColType, types(q.Types), add)
		default:
			add("", nil, "")
		}
	}
	return out, nil
}

// ways gives each value a branch, so that each is read in order; many share one.
func ways(column string, values []any, add func(string, []any, string)) {
	if len(values) > maxWays {
		add(column, values, "")
		return
	}
	for i := range values {
		add(column, values[i:i+1], "")
	}
}

// findIn asks for the page of some branches; bound is as narrow gives it.
func (s *Store) findIn(
	ctx context.Context, q storage.Query, branches []branch, bound string,
) ([]annals.Entry, error) {
	if len(branches) == 0 {
		return []annals.Entry{}, nil
	}
	columns := append([]string{layout.ColID}, columnsOf(branches[0].table)...)
	b := &builder{d: s.cfg.Dialect}
	b.text("SELECT ")
	s.selectList(b)
	b.text(" FROM (")
	if len(branches) == 1 {
		s.branch(b, q, branches[0], term{ordinal: branches[0].entity, columns: columns, bound: bound})
	} else {
		b.text("SELECT * FROM (")
		s.union(b, branches, func(_ int, br branch) {
			s.branch(b, q, br, term{ordinal: br.entity, columns: columns, bound: bound})
		})
		b.text(") AS u")
		order(b, "", q, "")
		b.text(" LIMIT ")
		b.number(q.Limit)
	}
	b.text(") AS e LEFT JOIN ")
	b.table(s.rev.Name)
	b.text(" AS r ON r.transaction_hash = e.transaction_hash")
	order(b, "e.", q, "")
	b.text(" LIMIT ")
	b.number(q.Limit)
	return s.scan(ctx, b, q.Entities)
}

// union joins the branches' statements, each with an order and a limit of its
// own.
func (s *Store) union(b *builder, branches []branch, write func(i int, br branch)) {
	for i, br := range branches {
		if i > 0 {
			b.text(" UNION ALL ")
		}
		open, shut := s.eng.term()
		b.text(open)
		write(i, br)
		b.text(shut)
	}
}

// term is how a branch takes part in a union.
type term struct {
	// ordinal is its column n.
	ordinal int
	columns []string
	// loose compares places by their instants alone.
	loose bool
	// bound is the last instant of the page as text of layout.InstantFormat.
	bound string
}

// branch writes one term of the union.
func (s *Store) branch(b *builder, q storage.Query, br branch, t term) {
	b.text("SELECT ")
	b.number(t.ordinal)
	b.text(" AS n, ")
	b.names("", t.columns)
	b.text(" FROM ")
	b.table(br.table.Name)
	w := where{b: b}
	lead := ""
	switch len(br.values) {
	case 0:
	case 1:
		w.and()
		if s.eng.same(b, b.d.Quote(br.column), func() { b.value(br.values[0]) }) {
			lead = br.column
		}
	default:
		w.in(br.column, br.values)
	}
	if br.not != "" {
		w.and()
		b.text("NOT ")
		b.in(b.d.Quote(br.not), br.values)
	}
	if t.bound != "" {
		op := map[bool]string{true: "<=", false: ">="}[q.Ascending]
		w.compare(op, s.eng.bindInstant(t.bound))
	}
	s.filters(&w, q, br, t.loose)
	order(b, "", q, lead)
	b.text(" LIMIT ")
	if s.eng.keepsPlans() {
		// A plan for many objects, of which most have less than a page, would sort
		// all entries of the one that has thousands. Of a limit that it does not know
		// it expects little, and reads the index in order.
		b.bind(q.Limit)
		return
	}
	b.number(q.Limit)
}

// past writes a place in the order. The range on the first column alone says
// nothing new, but it is what every planner understands.
func (s *Store) past(w *where, op string, p annals.Position, loose bool) {
	if p.IsZero() {
		return
	}
	at := s.eng.bindInstant(formatInstant(p.CreatedAt))
	w.compare(op+"=", at)
	if loose {
		return
	}
	w.and()
	s.eng.past(w.b, orderColumns(), op, []any{at, clean(p.Source), p.Seq, int64(p.Part)})
}

func orderColumns() []string {
	return []string{layout.ColCreatedAt, layout.ColSource, layout.ColSeq, layout.ColPart}
}

// order writes ORDER BY. A lead has one value and changes nothing but the
// optimizer's mind.
func order(b *builder, prefix string, q storage.Query, lead string) {
	b.text(" ORDER BY ")
	columns := orderColumns()
	if lead != "" {
		columns = append([]string{lead}, columns...)
	}
	for i, c := range columns {
		if i > 0 {
			b.text(", ")
		}
		b.text(prefix)
		b.name(c)
		if !q.Ascending {
			b.text(" DESC")
		}
	}
}

// explain finds out whose audit table is missing: by asking each, since
// databases name it in words only.
func (s *Store) explain(ctx context.Context, q storage.Query, err error) error {
	subject := strings.Join(q.Entities, ", ")
	if s.cfg.Dialect.Classify(err) != dialect.ClassMissingTable {
		return s.failRead("find entries of", "entity "+subject, err)
	}
	var missing []string
	for _, entity := range q.Entities {
		table, lookup := s.audit(ctx, entity)
		if lookup != nil {
			continue
		}
		b := &builder{d: s.cfg.Dialect}
		b.text("SELECT 1 FROM ")
		b.table(table.Name)
		b.text(" WHERE 1 = 0")
		probe := query(ctx, s.cfg.DB, b, func(func(...any) error) error { return nil })
		if probe != nil {
			missing = append(missing, entity)
		}
	}
	if len(missing) > 0 {
		subject = strings.Join(missing, ", ")
	}
	return s.failRead("find entries of", "entity "+subject, err)
}
