-- Words packed in segments, the version before kept, and what a tenant chose for each document.

-- `kept` was superseded and can be brought back; `emptied` has lost its rows and waits only for
-- the segments that still hold its words to be written anew.
alter table document_versions drop constraint document_versions_state_check;
alter table document_versions add constraint document_versions_state_check
    check (state in ('aside', 'live', 'kept', 'gone'));
alter table document_versions
    add column superseded_at timestamptz,
    add column gone_at timestamptz,
    add column emptied boolean not null default false,
    add column rows_left boolean not null default true;
create index on document_versions (superseded_at) where state = 'kept';
create index on document_versions (version_id) where rows_left;

-- A batch of a version at most as old as the newest that ever answered comes late.
alter table documents add column newest_version int not null default 0;
update documents
set newest_version = answering.document_version
from document_versions as answering
where answering.document_id = documents.document_id and answering.state = 'live';

-- `layout` rises when segments change although no search result does.
alter table collections add column layout bigint not null default 0;

alter table passages
    add column parent_start int,
    add column parent_end int;

alter table tenants add column search jsonb not null default '{}';

-- What a tenant chose for a document; it may be heard of before any of its passages.
create table document_properties (
    document_id uuid primary key,
    tenant_id uuid not null,
    revision bigint not null,
    enabled boolean not null,
    expires_at timestamptz,
    tags text[] not null,
    metadata jsonb not null,
    document_kind text not null,
    source_url text,
    external_id text
);
create index on document_properties (tenant_id);

-- Passages and their terms, packed; never changed, only replaced by others with the same content
-- (`replaced_at`; deleted a while later, because a search may still be reading them).
create table segments (
    segment_id bigint generated always as identity primary key,
    tenant_id uuid not null,
    configuration text not null,
    passages int not null,
    postings bigint not null,
    versions bigint[] not null,
    first_terms text[] not null,
    roll bytea not null,
    created_at timestamptz not null default now(),
    replaced_at timestamptz
);
alter table segments alter column roll set storage external;
create index on segments (tenant_id) where replaced_at is null;
create index on segments (replaced_at) where replaced_at is not null;

create table segment_pages (
    segment_id bigint not null references segments (segment_id) on delete cascade,
    page int not null,
    tenant_id uuid not null,
    data bytea not null,
    primary key (segment_id, page)
);
alter table segment_pages alter column data set storage external;

-- A process of the version before this one still stores words as rows: remember that they are.
create function words_came_as_rows() returns trigger language plpgsql as $$
begin
    update document_versions set rows_left = true
    where not rows_left and version_id in (select distinct version_id from added);
    return null;
end
$$;
create trigger words_came_as_rows after insert on postings
    referencing new table as added
    for each statement execute function words_came_as_rows();

do $$
declare
    table_name text;
begin
    foreach table_name in array array['document_properties', 'segments', 'segment_pages'] loop
        execute format('alter table %I enable row level security', table_name);
        execute format('alter table %I force row level security', table_name);
        execute format(
            'create policy tenant on %I using ('
            ' tenant_id = (select nullif(current_setting(''chat.tenant'', true), '''')::uuid)'
            ' or (select current_setting(''chat.scope'', true) = ''platform''))', table_name);
    end loop;
end
$$;
