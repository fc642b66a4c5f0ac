-- What channels tell of messages beside their words, and the order in which sends go out.

alter table messages
    add column extras jsonb,
    add column reply_to text,
    add column delivery_detail text,
    add column plan jsonb,
    add column price jsonb;

-- The place of the newest send, and of the one before it.
alter table conversations
    add column last_send_seq bigint,
    add column previous_send_seq bigint;

-- What became of a message: all of it, by the message's own id, whether the message is here yet or
-- not. A long answer that went out in parts has a row a part.
create table message_changes (
    message_id uuid not null,
    provider_message_id text not null,
    tenant_id uuid not null,
    revision bigint not null,
    changes jsonb not null,
    heard_at timestamptz not null default now(),
    primary key (message_id, provider_message_id)
);

-- Files of customers' messages, fetched or given up, whether the message is here yet or not.
create table message_media (
    message_id uuid not null,
    media_id uuid not null,
    tenant_id uuid not null,
    media jsonb not null,
    heard_at timestamptz not null default now(),
    primary key (message_id, media_id)
);

alter table message_changes enable row level security;
alter table message_changes force row level security;
create policy message_changes_visible on message_changes
    using (chat_tenant_visible(tenant_id)) with check (chat_tenant_visible(tenant_id));
alter table message_media enable row level security;
alter table message_media force row level security;
create policy message_media_visible on message_media
    using (chat_tenant_visible(tenant_id)) with check (chat_tenant_visible(tenant_id));
