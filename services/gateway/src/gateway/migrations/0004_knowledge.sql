-- What a tenant says of its documents, pairs of questions and answers, uploads in pieces.

alter table uploads
    add column kind text not null default 'file' check (kind in ('file', 'text', 'qa', 'web')),
    add column source_url text,
    add column external_id text,
    add column tags text[] not null default '{}',
    add column metadata jsonb not null default '[]',
    add column enabled boolean not null default true,
    add column expires_at timestamptz,
    add column chunking jsonb,
    -- Rises with each change of the above; 0: nothing was ever said of them.
    add column revision int not null default 0,
    -- Rises with each replacement of the bytes or the title.
    add column replacement int not null default 0,
    add column replaced_at timestamptz,
    -- An older version answers: the newest bytes may be sent once more.
    add column is_rolled_back boolean not null default false;

-- The same bytes are one document, unless their tenant names them apart; web pages have addresses,
-- pairs their questions.
drop index uploads_content;
create unique index uploads_content on uploads (tenant_id, sha256)
    where removed_at is null and external_id is null and kind in ('file', 'text');
create unique index uploads_external on uploads (tenant_id, external_id)
    where removed_at is null and external_id is not null;
create index uploads_in_use on uploads (tenant_id) include (size_bytes) where removed_at is null;

create table qa_pairs (
    tenant_id uuid not null references tenants,
    document_id uuid primary key references uploads,
    question text not null,
    -- Hash of the question without case and spacing: one answer for each.
    question_key text not null,
    alternatives text[] not null default '{}',
    answer text not null,
    created_at timestamptz not null default now(),
    unique (tenant_id, question_key)
);
create index qa_pairs_newest on qa_pairs (tenant_id, created_at desc, document_id desc);

-- Large files on their way; their bytes are pieces in blobs, so that any gateway can go on.
create table resumable_uploads (
    tenant_id uuid not null references tenants,
    upload_id uuid primary key,
    actor text not null,
    size_bytes bigint not null,
    offset_bytes bigint not null default 0,
    metadata jsonb not null,
    -- The request that writes just now, until it is heard of no more.
    writer uuid,
    writer_until timestamptz,
    document_id uuid,
    created_at timestamptz not null default now(),
    expires_at timestamptz not null
);
create index resumable_uploads_age on resumable_uploads (expires_at);
create index resumable_uploads_of_tenant on resumable_uploads (tenant_id);

create table resumable_pieces (
    tenant_id uuid not null references tenants,
    upload_id uuid not null references resumable_uploads on delete cascade,
    offset_bytes bigint not null,
    size_bytes bigint not null,
    sha256 text not null,
    primary key (upload_id, offset_bytes)
);

do $$
declare
    name text;
begin
    foreach name in array array['qa_pairs', 'resumable_uploads', 'resumable_pieces']
    loop
        execute format('alter table %I enable row level security', name);
        execute format('alter table %I force row level security', name);
        execute format(
            'create policy tenant_rows on %I using (chat_tenant_visible(tenant_id))'
            ' with check (chat_tenant_visible(tenant_id))', name
        );
    end loop;
end
$$;
