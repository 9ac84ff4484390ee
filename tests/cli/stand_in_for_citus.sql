-- What `variance migrate` calls of Citus, where there is none: each call is kept, and the order is the one it insists on.
SET allow_system_table_mods = on;
INSERT INTO pg_extension (oid, extname, extowner, extnamespace, extrelocatable, extversion)
VALUES (99999, 'citus', 10, 'public'::regnamespace, false, '13.2-1');
SET allow_system_table_mods = off;
CREATE TABLE pg_dist_node (groupid integer);
INSERT INTO pg_dist_node VALUES (0);
CREATE TABLE citus_calls (
    number serial, table_name regclass, citus_table_type text, colocation_id integer NOT NULL DEFAULT 1
);
CREATE VIEW citus_tables AS
    SELECT table_name, citus_table_type, colocation_id FROM citus_calls WHERE citus_table_type <> 'truncated';
CREATE FUNCTION create_reference_table(t regclass) RETURNS void LANGUAGE sql
    AS $$ INSERT INTO citus_calls (table_name, citus_table_type) VALUES (t, 'reference') $$;
CREATE FUNCTION citus_add_local_table_to_metadata(t regclass) RETURNS void LANGUAGE sql
    AS $$ INSERT INTO citus_calls (table_name, citus_table_type) VALUES (t, 'local') $$;
CREATE FUNCTION truncate_local_data_after_distributing_table(t regclass) RETURNS void LANGUAGE sql
    AS $$ INSERT INTO citus_calls (table_name, citus_table_type) VALUES (t, 'truncated') $$;
CREATE FUNCTION create_distributed_table(t regclass, by text, colocate_with text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM pg_attribute WHERE attrelid = t AND attname = by;
    IF NOT FOUND THEN RAISE 'no column %', by; END IF;
    IF colocate_with <> 'none' AND NOT EXISTS (SELECT FROM citus_tables WHERE table_name = colocate_with::regclass) THEN
        RAISE 'relation % is not distributed', colocate_with;
    END IF;
    INSERT INTO citus_calls (table_name, citus_table_type) VALUES (t, 'distributed');
END $$;
