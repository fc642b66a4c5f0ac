-- Files of customers' messages that are fetched from the provider, one row a file.

create table media (
    media_id uuid primary key,
    tenant_id uuid not null,
    channel_id uuid not null,
    channel_type text not null,
    conversation_id uuid not null,
    provider_message_id text not null,
    kind text not null,
    provider_media_id text,
    url text,
    declared_type text,
    file_name text,
    declared_sha256 text,
    declared_bytes bigint,
    state text not null default 'pending' check (state in ('pending', 'stored', 'failed')),
    tries int not null default 0,
    failures int not null default 0,
    next_try_at timestamptz not null default now(),
    dies_at timestamptz not null,
    sha256 text,
    mime_type text,
    size_bytes bigint,
    problem text,
    detail text,
    correlation_id uuid not null,
    causation_id uuid not null,
    received_at timestamptz not null default now(),
    ended_at timestamptz
) with (fillfactor = 80);
create index media_due on media (next_try_at) where state = 'pending';
create index media_dying on media (dies_at) where state = 'pending';
create index media_of_message on media (channel_id, provider_message_id);

-- Providers block those who ask often for what they refuse: a channel's fetching rests before that.
-- A rest for a dead token (`for_revision`) ends when the channel is configured anew.
create table media_rests (
    channel_id uuid primary key,
    tenant_id uuid not null,
    refusals int not null default 0,
    window_started_at timestamptz not null default now(),
    rests_until timestamptz,
    for_revision bigint
);

do $$
declare
    name text;
begin
    foreach name in array array['media', 'media_rests']
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
