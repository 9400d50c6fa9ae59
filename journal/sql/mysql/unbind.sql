CREATE {or_replace}PROCEDURE {procedure} ()
SQL SECURITY DEFINER
{label}: BEGIN
  DECLARE annals_bound, annals_firings BIGINT;
  SELECT MAX(r.id) INTO annals_bound FROM {revision} AS r
  WHERE r.xid = -CAST(CONNECTION_ID() AS SIGNED);
  SELECT COUNT(*) INTO annals_firings FROM (
    SELECT 1 FROM {receipt} AS e WHERE e.revision = annals_bound LIMIT 1) AS first;
  IF annals_firings = 0 THEN
    DELETE FROM {revision} WHERE id = annals_bound;
  ELSE
    UPDATE {revision} SET xid = CONNECTION_ID() WHERE id = annals_bound;
  END IF;
END
