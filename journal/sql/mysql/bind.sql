CREATE {or_replace}PROCEDURE {procedure} ({parameters})
SQL SECURITY DEFINER
{label}: BEGIN
  DECLARE annals_last BIGINT UNSIGNED DEFAULT LAST_INSERT_ID();
  SET @annals_wait = TIMESTAMPDIFF(MICROSECOND, NOW(6), SYSDATE(6));
  INSERT INTO {revision}
    ({revision_columns})
  VALUES
    ({revision_values});
  DO LAST_INSERT_ID(annals_last);
END
