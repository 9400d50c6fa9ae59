SELECT MAX(r.id) INTO @annals_found FROM {revision} AS r
      WHERE r.xid = -CAST(CONNECTION_ID() AS SIGNED){in_transaction};
