CREATE TRIGGER {trigger} AFTER {event} ON {table}
BEGIN
  {marker}
  INSERT INTO annals_revision_entity (revision, entity, type, entries, created_at)
  VALUES (COALESCE((SELECT revision FROM annals_context WHERE id = 1),
      (SELECT id FROM annals_revision WHERE id = (SELECT MAX(id) FROM annals_revision)
        AND managed = 0 AND source = {source} AND created_at = {now}), 0),
    {target}, '{type}', 1, {now});
{images}
  SELECT RAISE(ABORT, 'annals: no copy was stored') WHERE changes() <> 1;
END
