SELECT MAX(IF(t.STATE = 'ACTIVE', CONCAT('e', t.EVENT_ID), NULL)) INTO @annals_stamp
  FROM performance_schema.events_transactions_current AS t
  WHERE t.THREAD_ID = PS_CURRENT_THREAD_ID();
