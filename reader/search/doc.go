// Package search is the language in which people ask for entries:
//
//	entity:invoice actor:42 field:total type:update,remove after:2026-01-01
//	from:"12.50" to:null extra.order.id:7 -type:insert comment:"ticket 1187" 1001
//
// A query is terms with spaces between them. A term is key:value, or key:v1,v2 for
// alternatives; the same key again adds alternatives. All keys have to match. A
// minus before the key leaves out what has one of the values. A word without a key
// is an object id.
//
// A value with spaces, commas or quotes stands in double quotes, in which \" and
// \\ are a quote and a backslash; outside of them a backslash takes the next
// character as it is. An empty value is "".
//
//	entity      name of an entity
//	object      object id, former ones included; of several key columns: "[7,2]"
//	type        insert, update, remove, associate, dissociate, epoch, truncate, statement
//	actor       id of the actor
//	tx          hash of the transaction, or its first eight characters or more
//	after       from then on (inclusive): a date or time in the zone of Options, RFC 3339,
//	            or a duration before now: P7D, PT1H, 2h
//	before      until then (exclusive)
//	field       a changed column, or a path within one that holds JSON: settings.theme
//	from, to    the old, the new value of one change (of field, where it is given): text,
//	            number, time or JSON; null is null, "null" is the text
//	extra.PATH  extra data at a path; * for any value
//	kind        discriminator
//	comment     a part of the revision's comment, in either case; =TEXT is the whole
//	agent       a part of the user agent, likewise
//	ip          address of the origin
//	request     id of the request
//	source      where entries come from
//	storage     where they are kept
//	order       newest (default) or oldest first
//	related     yes: also what was linked to the object, while it was
//
// Keys that can be left out by a minus: entity, object, type, actor, field, kind,
// comment, agent, ip, request, source, storage.
//
// Parse makes a reader.Query, String writes one in this language again.
package search
