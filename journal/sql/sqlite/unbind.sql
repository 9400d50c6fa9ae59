CREATE TRIGGER main.annals_unbind AFTER DELETE ON annals_context
BEGIN
  DELETE FROM annals_revision WHERE id = OLD.revision
    AND NOT EXISTS (SELECT 1 FROM annals_revision_entity WHERE revision = OLD.revision);
END
