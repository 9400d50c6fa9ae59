-- The functions behind the event trigger that keeps triggers right while tables
-- change. {schema} is the schema of annals' tables, quoted.

-- annals_base is the type that the copy of a column has; null where only the program
-- knows.
CREATE OR REPLACE FUNCTION {schema}.annals_base(oid, integer) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $annals$
{marker}
DECLARE
  t record;
  e record;
  base text;
BEGIN
  SELECT y.*, n.nspname = 'pg_catalog' AS builtin INTO t
    FROM pg_type y JOIN pg_namespace n ON n.oid = y.typnamespace WHERE y.oid = $1;
  IF t.typtype = 'd' THEN
    RETURN {schema}.annals_base(t.typbasetype, t.typtypmod);
  END IF;
  IF t.typcategory = 'A' AND t.typlen = -1 AND t.typname NOT IN ('int2vector', 'oidvector') THEN
    SELECT y.*, n.nspname = 'pg_catalog' AS builtin INTO e
      FROM pg_type y JOIN pg_namespace n ON n.oid = y.typnamespace WHERE y.oid = t.typelem;
    IF e.builtin AND e.typtype <> 'd' THEN
      RETURN format_type($1, $2);
    END IF;
    base := {schema}.annals_base(t.typelem, -1);
    RETURN CASE WHEN base LIKE '%[]' THEN NULL ELSE base || '[]' END;
  END IF;
  IF t.typtype = 'e' THEN
    RETURN 'text';
  END IF;
  IF NOT t.builtin OR t.typtype = 'c' THEN
    RETURN NULL;
  END IF;
  RETURN format_type($1, $2);
END
$annals$;

-- annals_widened: the catalogue alone makes a column of one type one of the other.
CREATE OR REPLACE FUNCTION {schema}.annals_widened(was text, becomes text) RETURNS boolean
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $annals$
{marker}
DECLARE
  a text[] := regexp_match(was, '^(character varying|numeric)(?:\(([0-9]+)(?:,([0-9]+))?\))?$');
  b text[] := regexp_match(becomes, '^(character varying|numeric|text)(?:\(([0-9]+)(?:,([0-9]+))?\))?$');
BEGIN
  IF a IS NULL OR b IS NULL OR (a[1] <> b[1] AND NOT (a[1] = 'character varying' AND b[1] = 'text')) THEN
    RETURN false;
  END IF;
  IF b[2] IS NULL OR a[2] IS NULL THEN
    RETURN b[2] IS NULL;
  END IF;
  RETURN b[2]::bigint >= a[2]::bigint AND a[3] IS NOT DISTINCT FROM b[3];
END
$annals$;

-- annals_section puts a text in place of the sections of a name.
CREATE OR REPLACE FUNCTION {schema}.annals_section(body text, name text, content text) RETURNS text
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $annals$
{marker}
DECLARE
  opened text := '/*annals"' || name || '*/';
  closed text := '/*annals"end*/';
  parts text[] := string_to_array(body, opened);
  result text := parts[1];
BEGIN
  FOR i IN 2 .. coalesce(array_length(parts, 1), 1) LOOP
    result := result || opened || content || substr(parts[i], strpos(parts[i], closed));
  END LOOP;
  RETURN result;
END
$annals$;

-- annals_renamed are rules with another name for a column of their table. The keys of
-- other tables are left alone.
CREATE OR REPLACE FUNCTION {schema}.annals_renamed(rules jsonb, was text, becomes text) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $annals$
{marker}
DECLARE
  f text;
  p text[];
  paths text[] := ARRAY['key', 'entity,only', 'entity,ignore', 'entity,mask', 'entity,label',
    'entity,soft_delete', 'entity,discriminator'];
BEGIN
  FOR i IN 0 .. coalesce(jsonb_array_length(rules -> 'links'), 0) - 1 LOOP
    paths := paths || format('links,%s,owner,columns', i) || format('links,%s,target,columns', i) ||
      format('links,%s,type_column', i);
    IF rules #> ARRAY['links', i::text, 'join_table'] IS NULL THEN
      paths := paths || format('links,%s,target,key', i); -- a child's own
    END IF;
  END LOOP;
  FOREACH f IN ARRAY paths LOOP
    p := string_to_array(f, ',');
    IF rules #>> p = was AND jsonb_typeof(rules #> p) = 'string' THEN
      rules := jsonb_set(rules, p, to_jsonb(becomes));
    ELSIF jsonb_typeof(rules #> p) = 'array' THEN
      rules := jsonb_set(rules, p, (SELECT coalesce(jsonb_agg(CASE e.v WHEN was THEN becomes ELSE e.v END
        ORDER BY e.n), '[]') FROM jsonb_array_elements_text(rules #> p) WITH ORDINALITY AS e(v, n)));
    END IF;
  END LOOP;
  RETURN rules;
END
$annals$;

-- annals_refit makes the copy, the record of its columns and the trigger functions of
-- a table fit what the table is now, and gives its partitions their triggers. renamed
-- is the number of the column that was just renamed, or zero. The caller has changed
-- the table and holds its lock. Functions that somebody else made are not read: their
-- text is not to be trusted.
CREATE OR REPLACE FUNCTION {schema}.annals_refit(root oid, renamed integer) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $annals$
{marker}
#variable_conflict use_variable
DECLARE
  target text;
  copy text;
  rules jsonb;
  former jsonb;
  was text;
  number bigint;
  c record;
  f record;
  m record;
  masked boolean;
  base text;
  codec text;
  place text;
  wish text;
  pinned boolean := false;
  names text[] := '{}';
  copies text[] := '{}';
  types text[] := '{}';
  codecs text[] := '{}';
  casts text[] := '{}';
  equals boolean[] := '{}';
  body text;
  settings text;
BEGIN
  SELECT (substring(p.prosrc FROM '-- annals trigger [0-9]+ [0-9a-f]+ ("(?:[^"\\\n]|\\.)*")')::jsonb) #>> '{}',
    substring(p.prosrc FROM '/\*annals"copy\*/(.*?)/\*annals"end\*/') INTO target, copy
  FROM pg_trigger g JOIN pg_proc p ON p.oid = g.tgfoid
  WHERE g.tgrelid = root AND g.tgname = '!annals_insert' AND p.pronamespace = {schema_text}::regnamespace
    AND pg_get_userbyid(p.proowner) = current_user;
  IF target IS NULL OR copy IS NULL THEN
    RETURN;
  END IF;
  SELECT r.rules INTO rules FROM {schema}.annals_rules r WHERE r.entity = target
    ORDER BY r.from_seq DESC, r.id DESC LIMIT 1;
  former := rules;
  IF renamed > 0 THEN
    -- What is known by a name that is no longer there was renamed, if it is one.
    SELECT min(k.name) INTO was FROM (
      SELECT t.column_name AS name FROM {schema}.annals_target_column t
        WHERE t.entity = target AND t.until_seq IS NULL
      UNION
      SELECT e.v FROM unnest(ARRAY['only', 'ignore', 'mask']) l(list),
        jsonb_array_elements_text(coalesce(rules -> 'entity' -> l.list, '[]')) e(v)
    ) k WHERE NOT EXISTS (SELECT FROM pg_attribute a
      WHERE a.attrelid = root AND a.attname = k.name AND a.attnum > 0 AND NOT a.attisdropped)
    HAVING count(*) = 1;
    IF was IS NOT NULL THEN
      rules := {schema}.annals_renamed(rules, was, (SELECT a.attname FROM pg_attribute a
        WHERE a.attrelid = root AND a.attnum = renamed));
    END IF;
  END IF;

  FOR c IN SELECT a.attname::text AS name, a.atttypid, a.atttypmod, format_type(a.atttypid, a.atttypmod) AS type
      FROM pg_attribute a WHERE a.attrelid = root AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum LOOP
    IF jsonb_array_length(coalesce(rules -> 'entity' -> 'only', '[]')) > 0 THEN
      CONTINUE WHEN NOT (rules -> 'entity' -> 'only') ? c.name;
    ELSE
      CONTINUE WHEN coalesce(rules -> 'entity' -> 'ignore', '[]') ? c.name;
    END IF;
    masked := coalesce(rules -> 'entity' -> 'mask', '[]') ? c.name;
    base := {schema}.annals_base(c.atttypid, c.atttypmod);
    equals := equals || coalesce(base ~ {equal}, false);
    codec := CASE WHEN masked THEN '{"masked":true}' END;
    IF masked THEN
      base := 'boolean';
    END IF;
    SELECT t.copy_column, t.source_type, t.codec INTO m FROM {schema}.annals_target_column t
      WHERE t.entity = target AND t.column_name = c.name AND t.until_seq IS NULL;
    place := NULL;
    IF FOUND AND base IS NULL AND (m.source_type = 'text' OR m.codec LIKE '{"sent":%') THEN
      place := m.copy_column;
      base := m.source_type;
      codec := m.codec;
    ELSIF FOUND AND m.codec IS NOT DISTINCT FROM codec THEN
      IF m.source_type = base THEN
        place := m.copy_column;
      ELSIF {schema}.annals_widened(m.source_type, base) THEN
        place := m.copy_column;
        EXECUTE format('ALTER TABLE %s ALTER COLUMN %I TYPE %s', copy, place, base);
      END IF;
    END IF;
    IF base IS NULL THEN
      -- Only the program knows its binary form: until it is asked again, a text.
      base := 'text';
      pinned := true;
    END IF;
    IF place IS NULL THEN
      wish := CASE WHEN masked THEN 'annals_m_' ELSE '' END || c.name;
      WHILE octet_length(wish) > 63 LOOP
        wish := left(wish, -1);
      END LOOP;
      place := wish;
      FOR i IN 2 .. 2000 LOOP
        EXIT WHEN NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = copy::regclass AND a.attname = place)
          AND NOT EXISTS (SELECT FROM {schema}.annals_target_column t
            WHERE t.entity = target AND t.copy_column = place)
          AND place <> ALL (copies);
        WHILE octet_length(wish || '_' || i) > 63 LOOP
          wish := left(wish, -1);
        END LOOP;
        place := wish || '_' || i;
      END LOOP;
      EXECUTE format('ALTER TABLE %s ADD COLUMN %I %s', copy, place, base);
    END IF;
    names := names || c.name;
    copies := copies || place;
    types := types || base;
    codecs := array_append(codecs, codec);
    casts := casts || CASE WHEN base <> c.type THEN '::' || base ELSE '' END;
  END LOOP;

  number := nextval('{schema_in_text}.annals_seq');
  UPDATE {schema}.annals_target_column t SET until_seq = number
  WHERE t.entity = target AND t.until_seq IS NULL AND NOT EXISTS (
    SELECT FROM unnest(names, copies, types, codecs) w(name, copy, type, codec)
    WHERE t.column_name = w.name AND t.copy_column = w.copy AND t.source_type = w.type
    AND t.codec IS NOT DISTINCT FROM w.codec);
  INSERT INTO {schema}.annals_target_column (entity, column_name, copy_column, source_type, codec, from_seq)
  SELECT target, w.name, w.copy, w.type, w.codec, number
  FROM unnest(names, copies, types, codecs) WITH ORDINALITY w(name, copy, type, codec, n)
  WHERE NOT EXISTS (SELECT FROM {schema}.annals_target_column t WHERE t.entity = target
    AND t.until_seq IS NULL AND t.column_name = w.name AND t.copy_column = w.copy
    AND t.source_type = w.type AND t.codec IS NOT DISTINCT FROM w.codec)
  ORDER BY w.n;
  IF rules IS DISTINCT FROM former THEN
    INSERT INTO {schema}.annals_rules (entity, from_seq, rules, created_at)
    VALUES (target, number, rules, clock_timestamp());
  END IF;

  -- The functions, with new lists of columns.
  FOR f IN SELECT DISTINCT p.oid, p.proname, p.prosrc, p.proconfig FROM pg_trigger g
      JOIN pg_proc p ON p.oid = g.tgfoid
      WHERE g.tgrelid = root AND g.tgname LIKE '!annals\_%' AND p.pronamespace = {schema_text}::regnamespace
    AND pg_get_userbyid(p.proowner) = current_user LOOP
    body := substr(f.prosrc, strpos(f.prosrc, '"' || E'\n#variable_conflict') + 1);
    SELECT
      {schema}.annals_section({schema}.annals_section({schema}.annals_section({schema}.annals_section(
      {schema}.annals_section({schema}.annals_section({schema}.annals_section(body,
        'columns', coalesce(string_agg(', ' || w.copy, '' ORDER BY w.n), '')),
        'numbered', coalesce(string_agg(', i.' || w.name || ' AS c' || w.n, '' ORDER BY w.n), '')),
        'renamed', coalesce(string_agg(', ' || replace(w.value, '{ref}', 'r.c' || w.n), '' ORDER BY w.n), '')),
        'r', coalesce(string_agg(', ' || replace(w.value, '{ref}', 'r.' || w.name), '' ORDER BY w.n), '')),
        'OLD', coalesce(string_agg(', ' || replace(w.value, '{ref}', 'OLD.' || w.name), '' ORDER BY w.n), '')),
        'NEW', coalesce(string_agg(', ' || replace(w.value, '{ref}', 'NEW.' || w.name), '' ORDER BY w.n), '')),
        'changed', coalesce(string_agg(', ' || CASE WHEN w.masked THEN
          'CASE WHEN OLD.' || w.name || w.compared || ' IS NOT DISTINCT FROM NEW.' || w.name || w.compared ||
          ' THEN false WHEN NEW.' || w.name || ' IS DISTINCT FROM NULL THEN true END'
          ELSE replace(w.value, '{ref}', 'NEW.' || w.name) END, '' ORDER BY w.n), ''))
      INTO body
    FROM (SELECT u.n, '"' || replace(u.name, '"', '""') || '"' AS name, '"' || replace(u.copy, '"', '""') || '"' AS copy,
        u.codec IS NOT NULL AND u.codec = '{"masked":true}' AS masked,
        CASE WHEN u.codec = '{"masked":true}' THEN '{ref} IS DISTINCT FROM NULL'
          WHEN u.codec IS NOT NULL THEN 'record_send(ROW({ref}))'
          ELSE '{ref}' || u.casted END AS value,
        CASE WHEN u.equal THEN '' ELSE '::text COLLATE "C"' END AS compared
      FROM unnest(names, copies, codecs, casts, equals) WITH ORDINALITY u(name, copy, codec, casted, equal, n)) w;
    CONTINUE WHEN body = substr(f.prosrc, strpos(f.prosrc, '"' || E'\n#variable_conflict') + 1);
    SELECT string_agg(' SET ' || split_part(s.v, '=', 1) || ' = ' || CASE split_part(s.v, '=', 1)
        WHEN 'search_path' THEN substr(s.v, strpos(s.v, '=') + 1)
        ELSE quote_literal(substr(s.v, strpos(s.v, '=') + 1)) END, '') INTO settings
    FROM (SELECT unnest(f.proconfig) UNION
      SELECT unnest(ARRAY['DateStyle=ISO, MDY', 'IntervalStyle=postgres', 'bytea_output=hex', 'TimeZone=UTC',
        'lc_monetary=C', 'extra_float_digits=1']) WHERE pinned) s(v);
    EXECUTE format('CREATE OR REPLACE FUNCTION {schema_in_format}.%I() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER%s AS %L',
      f.proname, settings, E'\n-- annals trigger {version} ' ||
      encode(substr(sha256(convert_to(body, 'UTF8')), 1, 8), 'hex') || ' ' ||
      substring(f.prosrc FROM '-- annals trigger [0-9]+ [0-9a-f]+ ("(?:[^"\\\n]|\\.)*")') || body);
  END LOOP;

  -- The partitions: those that are new get the triggers, those that are none any more
  -- lose them.
  FOR f IN SELECT g.tgname, g.tgtype, g.tgoldtable, g.tgnewtable, p.relid AS part, g.tgfoid::regproc AS called
      FROM pg_trigger g JOIN pg_proc o ON o.oid = g.tgfoid,
        pg_partition_tree(root) p JOIN pg_class r ON r.oid = p.relid
      WHERE g.tgrelid = root AND g.tgname LIKE '!annals\_%' AND o.pronamespace = {schema_text}::regnamespace
      AND pg_get_userbyid(o.proowner) = current_user
      AND p.relid <> root AND r.relkind IN ('r', 'p') LOOP
    -- Asked now: to enable a trigger calls this function again.
    IF f.tgtype & 1 = 0
        AND NOT EXISTS (SELECT FROM pg_trigger h WHERE h.tgrelid = f.part AND h.tgname = f.tgname) THEN
      EXECUTE format('CREATE TRIGGER %I %s %s ON %s %s FOR EACH STATEMENT EXECUTE FUNCTION %s()', f.tgname,
        CASE WHEN f.tgtype & 2 = 0 THEN 'AFTER' ELSE 'BEFORE' END,
        CASE f.tgtype & 60 WHEN 4 THEN 'INSERT' WHEN 8 THEN 'DELETE' WHEN 16 THEN 'UPDATE' ELSE 'TRUNCATE' END,
        f.part::regclass,
        CASE WHEN f.tgoldtable IS NULL AND f.tgnewtable IS NULL THEN '' ELSE 'REFERENCING' END ||
        coalesce(' OLD TABLE AS ' || f.tgoldtable, '') || coalesce(' NEW TABLE AS ' || f.tgnewtable, ''), f.called);
    END IF;
    IF EXISTS (SELECT FROM pg_trigger h WHERE h.tgrelid = f.part AND h.tgname = f.tgname AND h.tgenabled <> 'A') THEN
      EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER %I', f.part::regclass, f.tgname);
    END IF;
  END LOOP;
  FOR f IN SELECT h.tgname, h.tgrelid FROM pg_trigger g JOIN pg_trigger h ON h.tgfoid = g.tgfoid
      JOIN pg_proc o ON o.oid = g.tgfoid
      WHERE g.tgrelid = root AND h.tgrelid <> root AND h.tgparentid = 0
      AND g.tgname LIKE '!annals\_%' AND h.tgname = g.tgname AND o.pronamespace = {schema_text}::regnamespace
      AND pg_get_userbyid(o.proowner) = current_user
      AND h.tgrelid NOT IN (SELECT p.relid FROM pg_partition_tree(root) p) LOOP
    EXECUTE format('DROP TRIGGER %I ON %s', f.tgname, f.tgrelid::regclass);
  END LOOP;
END
$annals$;

-- annals_ddl is called when tables were made or changed, within the same transaction.
CREATE OR REPLACE FUNCTION {schema}.annals_ddl() RETURNS event_trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $annals$
{marker}
DECLARE
  d record;
BEGIN
  FOR d IN SELECT coalesce(pg_partition_root(c.oid), c.oid) AS root,
        max(CASE WHEN pg_partition_root(c.oid) IS NULL OR pg_partition_root(c.oid) = c.oid THEN e.objsubid ELSE 0 END)
          AS renamed
      FROM pg_event_trigger_ddl_commands() e JOIN pg_class c ON c.oid = e.objid AND c.relkind IN ('r', 'p')
      WHERE e.classid = 'pg_class'::regclass GROUP BY 1 LOOP
    PERFORM {schema}.annals_refit(d.root, d.renamed);
  END LOOP;
END
$annals$;
