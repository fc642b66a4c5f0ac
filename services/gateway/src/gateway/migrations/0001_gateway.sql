-- Tenants, their channels and keys, the raw webhook ledger, uploads, audit and idempotency.

create table tenants (
    tenant_id uuid primary key,
    slug text not null unique,
    name text not null,
    state text not null default 'active' check (state in ('active', 'suspended', 'removed')),
    settings jsonb not null,
    revision int not null default 1,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now()
);
create index tenants_newest on tenants (created_at desc, tenant_id desc);

create table channels (
    tenant_id uuid not null references tenants,
    channel_id uuid primary key,
    channel_type text not null check (channel_type in ('whatsapp', 'messenger', 'webchat')),
    name text not null,
    state text not null default 'active' check (state in ('active', 'disabled', 'removed')),
    external_id text not null,
    sealed_credentials text,
    credential_hints jsonb not null default '{}',
    settings jsonb not null default '{}',
    revision int not null default 1,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    unique (tenant_id, channel_id)
);
-- A number or page belongs to one living channel of the whole platform.
create unique index channels_external on channels (channel_type, external_id)
    where state <> 'removed';
create index channels_of_tenant on channels (tenant_id, created_at desc, channel_id desc);

create table api_keys (
    tenant_id uuid not null references tenants,
    key_id text primary key,
    name text not null,
    secret_hmac bytea not null,
    hint text not null,
    scopes text[] not null,
    created_at timestamptz not null default now(),
    expires_at timestamptz,
    last_used_at timestamptz,
    revoked_at timestamptz
);
create index api_keys_of_tenant on api_keys (tenant_id, created_at desc, key_id desc);

-- Every body that was answered 200 and every acknowledged widget message, as it came.
-- tenant_id is the platform's (all zeros) for the app-wide Meta address.
create table webhook_ledger (
    delivery_id uuid primary key,
    tenant_id uuid not null,
    channel_type text not null,
    channel_id uuid,
    source text not null check (source in ('meta', 'widget')),
    received_at timestamptz not null,
    object_kind text,
    signature text not null,
    body bytea,
    body_sha256 text,
    client_message_id text,
    check (body is not null or body_sha256 is not null)
);
create unique index webhook_ledger_client_message on webhook_ledger (channel_id, client_message_id)
    where client_message_id is not null;
create index webhook_ledger_age on webhook_ledger (received_at);

-- A document is visible from here until rag-indexer has heard of it, and never after its removal.
create table uploads (
    tenant_id uuid not null references tenants,
    document_id uuid primary key,
    title text not null,
    file_name text not null,
    declared_type text,
    media_type text not null,
    size_bytes bigint not null,
    sha256 text not null,
    language text,
    created_at timestamptz not null default now(),
    indexed_by_owner boolean not null default false,
    removed_at timestamptz
);
create unique index uploads_content on uploads (tenant_id, sha256) where removed_at is null;
create index uploads_unseen on uploads (tenant_id, created_at desc)
    where removed_at is null and not indexed_by_owner;

create table audit_log (
    audit_id uuid primary key,
    tenant_id uuid not null,
    at timestamptz not null default now(),
    actor text not null,
    action text not null,
    subject text not null,
    detail jsonb not null default '{}',
    address text,
    trace_id text
);
create index audit_log_of_tenant on audit_log (tenant_id, at desc);

-- Answers of creating requests, kept a day; bodies are sealed, one of them holds a fresh key.
create table idempotency (
    tenant_id uuid not null,
    actor text not null,
    idempotency_key text not null,
    fingerprint bytea not null,
    status int,
    sealed_body text,
    created_at timestamptz not null default now(),
    primary key (tenant_id, actor, idempotency_key)
);
create index idempotency_age on idempotency (created_at);

do $$
declare
    name text;
begin
    foreach name in array array[
        'tenants', 'channels', 'api_keys', 'webhook_ledger', 'uploads', 'audit_log', 'idempotency'
    ]
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
