-- Copies of channels, what came in, what goes out.

create table tenants (
    tenant_id uuid primary key,
    state text not null check (state in ('active', 'suspended', 'removed')),
    revision bigint not null
);

create table channels (
    channel_id uuid primary key,
    tenant_id uuid not null,
    channel_type text not null check (channel_type in ('whatsapp', 'messenger', 'webchat')),
    external_id text not null,
    name text not null,
    state text not null check (state in ('active', 'disabled', 'removed')),
    sealed_credentials text,
    revision bigint not null
);
create index channels_by_address on channels (channel_type, external_id);

-- One row for each thing a webhook body said, whatever became of it. Statuses have their own table.
-- channel_id is all zeros, and tenant_id the platform's, where no channel has the address.
create table inbound_items (
    channel_id uuid not null,
    provider_key text not null,
    tenant_id uuid not null,
    channel_type text not null,
    address text not null,
    kind text not null,
    state text not null check (state in ('said', 'unrouted', 'unparsed')),
    problem text,
    item text not null,
    digest bytea not null,
    flags text[] not null,
    delivery_id uuid not null,
    received_at timestamptz not null default now(),
    copies int not null default 0,
    differing int not null default 0,
    primary key (channel_id, provider_key)
);
create index inbound_items_trouble on inbound_items (received_at) where state <> 'said';

-- Bodies that wait: large ones to be fetched, unrouted ones for their channel; and, to be looked
-- at by a person, those that could not be read.
create table kept_bodies (
    delivery_id uuid not null,
    reason text not null check (reason in ('in_blob', 'unrouted', 'unparsed')),
    address text not null,
    tenant_id uuid not null,
    channel_type text not null,
    event text not null,
    problem text,
    tries int not null default 0,
    due_at timestamptz not null default now(),
    received_at timestamptz not null default now(),
    primary key (delivery_id, reason, address)
);
create index kept_bodies_due on kept_bodies (due_at) where reason = 'in_blob';
create index kept_bodies_unrouted on kept_bodies (channel_type, address) where reason = 'unrouted';

-- The highest fencing number heard of each conversation; its row is the lock of its sends.
create table conversations (
    conversation_id uuid primary key,
    tenant_id uuid not null,
    ownership_number bigint not null
) with (fillfactor = 80);

create table sends (
    send_id uuid primary key,
    tenant_id uuid not null,
    conversation_id uuid not null,
    channel_id uuid not null,
    channel_type text not null,
    seq bigint not null,
    ownership_number bigint not null,
    state text not null
        check (state in ('planned', 'attempting', 'accepted', 'failed', 'unknown')),
    next_part int not null default 0,
    part_count int not null,
    attempts int not null default 0,
    next_attempt_at timestamptz not null default now(),
    attempting_since timestamptz,
    delivery_status text check (delivery_status in ('sent', 'delivered', 'read', 'failed')),
    code text,
    provider_code bigint,
    detail text,
    command text not null,
    planned_at timestamptz not null default now(),
    ended_at timestamptz
) with (fillfactor = 80);
create index sends_of_conversation on sends (conversation_id, seq);
create index sends_due on sends (next_attempt_at) where state = 'planned';
create index sends_attempting on sends (attempting_since) where state = 'attempting';

-- What the provider accepted, one row a part.
create table sent_parts (
    channel_id uuid not null,
    provider_message_id text not null,
    tenant_id uuid not null,
    send_id uuid not null references sends on delete cascade,
    part int not null,
    status text check (status in ('sent', 'delivered', 'read', 'failed')),
    primary key (channel_id, provider_message_id)
);
create index sent_parts_of_send on sent_parts (send_id);

-- Every status heard once, also those that come before we know their message.
create table delivery_statuses (
    channel_id uuid not null,
    provider_message_id text not null,
    status text not null check (status in ('sent', 'delivered', 'read', 'failed')),
    tenant_id uuid not null,
    send_id uuid,
    part int,
    at timestamptz not null,
    provider_code bigint,
    detail text not null,
    joined boolean not null default false,
    received_at timestamptz not null default now(),
    primary key (channel_id, provider_message_id, status)
);
create index delivery_statuses_unjoined on delivery_statuses (received_at) where not joined;

do $$
declare
    name text;
begin
    foreach name in array array[
        'tenants', 'channels', 'inbound_items', 'kept_bodies', 'conversations', 'sends',
        'sent_parts', 'delivery_statuses'
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
