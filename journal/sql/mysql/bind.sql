CREATE {or_replace}PROCEDURE {procedure} ({parameters})
SQL SECURITY DEFINER
{label}: BEGIN
  SET @annals_wait = TIMESTAMPDIFF(MICROSECOND, NOW(6), SYSDATE(6));
  INSERT INTO {revision}
    ({revision_columns})
  VALUES
    ({revision_values});
END
