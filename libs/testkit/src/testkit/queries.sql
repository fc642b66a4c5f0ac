-- What a database that a test gave back must be like before another test gets it.

-- name: shape
-- One hash of all that DDL, grants, settings, a vacuum or an analyze change in this database.
with ours as (
    select oid, relname, relkind, relowner, relacl, relrowsecurity, relforcerowsecurity, reloptions,
        relnatts, relpersistence, reltuples
    from pg_class
    where relnamespace in (
        select oid from pg_namespace
        where nspname !~ '^pg_' and nspname <> 'information_schema'
    )
),
-- A catalog row's xmin says which transaction wrote it last.
written (catalog, id, xmin) as (
    select 'namespace', oid, xmin from pg_namespace where nspname !~ '^pg_(toast_)?temp_'
    union all select 'attribute', attrelid, xmin from pg_attribute
        where attrelid in (select oid from ours)
    union all select 'statistic', starelid, xmin from pg_statistic
        where starelid in (select oid from ours)
    union all select 'constraint', oid, xmin from pg_constraint where oid >= 16384
    union all select 'index', indexrelid, xmin from pg_index where indexrelid >= 16384
    union all select 'trigger', oid, xmin from pg_trigger where oid >= 16384
    union all select 'policy', oid, xmin from pg_policy where oid >= 16384
    union all select 'function', oid, xmin from pg_proc where oid >= 16384
    union all select 'type', oid, xmin from pg_type where oid >= 16384
    union all select 'default', oid, xmin from pg_attrdef where oid >= 16384
    union all select 'sequence', seqrelid, xmin from pg_sequence
    union all select 'rule', oid, xmin from pg_rewrite where oid >= 16384
    union all select 'grant', oid, xmin from pg_default_acl
    union all select 'extension', oid, xmin from pg_extension
    union all select 'event trigger', oid, xmin from pg_event_trigger
    union all select 'setting', setrole, xmin from pg_db_role_setting
        where setdatabase = (select oid from pg_database where datname = current_database())
    union all select 'database', oid, xmin from pg_database where datname = current_database()
)
select md5(concat_ws('|',
    (select string_agg(ours::text, ';' order by oid) from ours),
    (
        select string_agg(concat_ws(',', catalog, n, ids, writers), ';' order by catalog)
        from (
            select catalog, count(*) as n, sum(id::bigint) as ids,
                sum(xmin::text::bigint) as writers
            from written
            group by catalog
        ) as counted
    )
));

-- name: tables
-- Every table, and whether it grew so much that deleted rows would still be felt.
select format('%I.%I', n.nspname, c.relname) as name,
    pg_relation_size(c.oid) > 10 * 8192 or pg_total_relation_size(c.oid) > 50 * 8192 as large
from pg_class as c
join pg_namespace as n on n.oid = c.relnamespace
where c.relkind = 'r' and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
order by 1;

-- name: restart_sequences
-- Let every sequence that was asked begin again.
select setval(seqrelid::regclass, seqstart, false)
from pg_sequence
where pg_sequence_last_value(seqrelid) is not null;

-- name: sessions
-- How many others are connected.
select count(*) from pg_stat_activity
where datname = current_database() and pid <> pg_backend_pid()
    and backend_type = 'client backend';

-- name: forget_statistics
-- Let nothing that was counted here be seen by the next test, nor wake the autovacuum.
select pg_stat_reset();
