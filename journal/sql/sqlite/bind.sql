CREATE TRIGGER main.annals_bind AFTER INSERT ON annals_context
BEGIN
  INSERT INTO annals_revision (source, transaction_hash, managed, comment, user_id, user_name,
    user_email, user_type, context, ip, user_agent, request_id, extra, created_at)
  SELECT {source}, {hash}, b.bound, NEW.comment, NEW.user_id,
    CASE WHEN b.bound THEN NEW.user_name ELSE 'not orm' END, NEW.user_email, NEW.user_type,
    NEW.context, NEW.ip, NEW.user_agent, NEW.request_id, NEW.extra, {now}
  FROM (SELECT COALESCE(NEW.user_id, NEW.user_name, NEW.user_email, NEW.user_type, NEW.context, NEW.ip,
    NEW.user_agent, NEW.request_id, NEW.comment, NEW.extra) IS NOT NULL AS bound) AS b;
  UPDATE annals_context SET revision = last_insert_rowid() WHERE id = NEW.id;
END
