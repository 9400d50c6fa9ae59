CREATE TRIGGER main.annals_open AFTER INSERT ON annals_revision_entity WHEN NEW.revision = 0
BEGIN
  INSERT INTO annals_revision (source, transaction_hash, managed, user_name, created_at)
  VALUES ({source}, {hash}, 0, 'not orm', NEW.created_at);
  UPDATE annals_revision_entity SET revision = last_insert_rowid() WHERE id = NEW.id;
END
