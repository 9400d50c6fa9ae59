CREATE {or_replace}TRIGGER {trigger} AFTER {event} ON {table} FOR EACH ROW
{label}: BEGIN
  SET @annals_wait = TIMESTAMPDIFF(MICROSECOND, NOW(6), SYSDATE(6));
  IF NOT (@annals_tx > 9007199254740992 AND @annals_tx & 16777215 = CONNECTION_ID() & 16777215) THEN
    SET @annals_tx = NULL, @annals_context = NULL;
  END IF;
  IF NOT (@annals_of <=> @annals_tx AND @annals_at <=> CONCAT(UTC_TIMESTAMP(6))
    AND @annals_wait BETWEEN 0 AND 59999999)
  THEN
    IF SUBSTRING_INDEX(@annals_context, _utf8mb4 X'1F', 1) <> '' THEN
      {stamp}
      IF NOT (@annals_stamp <=> SUBSTRING_INDEX(@annals_context, _utf8mb4 X'1F', 1)) THEN
        SET @annals_tx = NULL, @annals_context = NULL;
      END IF;
    END IF;
    SET @annals_xid = IFNULL(@annals_tx, CONNECTION_ID()), @annals_found = NULL;
    {bound}IF @annals_found IS NULL AND @annals_of <=> @annals_tx
      AND (@annals_tx IS NOT NULL OR @annals_at <=> CONCAT(UTC_TIMESTAMP(6)))
    THEN
      SET @annals_found = LAST_INSERT_ID(0);
      INSERT INTO {revision} (id, source, transaction_hash, managed, created_at)
      VALUES (@annals_rev, {source}, UUID_SHORT(), FALSE, UTC_TIMESTAMP(6))
      ON DUPLICATE KEY UPDATE
        source = IF(xid <=> @annals_xid AND db_user <=> LEFT(USER(), 255) AND LAST_INSERT_ID(id), source, NULL);
      SET @annals_found = NULLIF(LAST_INSERT_ID(), 0);
      IF @annals_found IS NULL THEN
        DELETE FROM {revision} WHERE id = @annals_rev;
      END IF;
    END IF;
    IF @annals_found IS NULL THEN
      SET @annals_fields = IF(@annals_tx IS NULL, '', CONCAT(
        SUBSTRING(@annals_context, LOCATE(_utf8mb4 X'1F', @annals_context) + 1), REPEAT(_utf8mb4 X'1F', 10)));
      INSERT INTO {revision}
        ({revision_columns})
      VALUES
        ({revision_values});
      SET @annals_found = LAST_INSERT_ID();
    END IF;
    SET @annals_rev = @annals_found, @annals_of = @annals_tx, @annals_at = CONCAT(UTC_TIMESTAMP(6));
  END IF;
  INSERT INTO {receipt} (revision, entity, type, entries, created_at)
  VALUES (@annals_rev, {target}, '{type}', 1, {clock});
  INSERT INTO {copy}
    ({copy_columns})
  VALUES
    {images};
END
