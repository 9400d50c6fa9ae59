CREATE {or_replace}PROCEDURE {procedure} ({parameters})
SQL SECURITY DEFINER
{label}: BEGIN
  {stamp}
  IF @annals_stamp IS NULL THEN
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = {refusal};
  END IF;
  IF NOT JSON_VALID(p_extra) THEN
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'annals_context: extra is no JSON';
  END IF;
  SET @annals_tx = (UUID_SHORT() & 274877906943 | 274877906944) << 24 | CONNECTION_ID() & 16777215,
    @annals_context = CONCAT(@annals_stamp, {fields});
END
