CREATE TRIGGER {trigger} AFTER {event} ON {table}{when}
BEGIN
  {marker}
  INSERT INTO annals_revision (source, transaction_hash, managed, comment, user_id, user_name,
    user_email, user_type, context, ip, user_agent, request_id, extra, created_at)
  SELECT {source}, printf('%012x{source_hash}%012x',
      strftime('%s', 'now') * 1000 + substr(strftime('%f', 'now'), 4),
      COALESCE((SELECT seq FROM sqlite_sequence WHERE name = 'annals_revision'), 0) + 1),
    {bound}, c.comment, c.user_id, CASE WHEN {bound} THEN c.user_name ELSE 'not orm' END,
    c.user_email, c.user_type, c.context, c.ip, c.user_agent, c.request_id, c.extra,
    strftime('%Y-%m-%dT%H:%M:%f000Z', 'now')
  FROM (SELECT 1) LEFT JOIN annals_context AS c ON c.id = 1
  WHERE CASE WHEN c.id IS NULL THEN NOT EXISTS (
      SELECT 1 FROM annals_revision AS r WHERE r.id = (SELECT MAX(id) FROM annals_revision)
      AND r.managed = 0 AND r.source = {source} AND r.created_at = strftime('%Y-%m-%dT%H:%M:%f000Z', 'now'))
    ELSE c.revision IS NULL END;
  UPDATE annals_context SET revision = (SELECT MAX(id) FROM annals_revision)
  WHERE id = 1 AND revision IS NULL;
  INSERT INTO annals_revision_entity (revision, entity, type, entries, created_at)
  VALUES (COALESCE((SELECT revision FROM annals_context WHERE id = 1), (SELECT MAX(id) FROM annals_revision)),
    {target}, '{type}', 1, strftime('%Y-%m-%dT%H:%M:%f000Z', 'now'));
  SELECT RAISE(ABORT, 'annals: no receipt was stored') WHERE changes() <> 1;
{images}
END
