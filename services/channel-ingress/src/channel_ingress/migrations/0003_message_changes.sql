-- What became of messages, in whatever order it is heard; what statuses say of money.

-- Every edit, revoke and reaction once, whether its message has come or not.
create table message_changes (
    channel_id uuid not null,
    provider_message_id text not null,
    digest bytea not null,
    tenant_id uuid not null,
    what text not null check (what in ('reaction', 'edit', 'revoke')),
    said_by text not null check (said_by in ('customer', 'business')),
    person text not null,
    at timestamptz not null,
    words text,
    received_at timestamptz not null default now(),
    primary key (channel_id, provider_message_id, digest)
);

-- What they add up to. `is_known`: the message has come; until then the row is looked at again
-- and again, and said once as an orphan so that it is visible.
create table message_states (
    channel_id uuid not null,
    provider_message_id text not null,
    tenant_id uuid not null,
    channel_type text not null,
    conversation_id uuid,
    recorded_message_id uuid,
    revision int not null default 0,
    changes text not null,
    is_known boolean not null default false,
    said_as_orphan boolean not null default false,
    first_heard_at timestamptz not null default now(),
    next_look_at timestamptz not null default now(),
    primary key (channel_id, provider_message_id)
) with (fillfactor = 80);
create index message_states_parked on message_states (next_look_at) where not is_known;

alter table delivery_statuses
    add column price_category text,
    add column pricing_model text,
    add column price_type text,
    add column billable boolean,
    add column orphaned_at timestamptz;
create index delivery_statuses_early on delivery_statuses (received_at)
    where not joined and orphaned_at is null;
create index delivery_statuses_of_message on delivery_statuses (provider_message_id)
    where not joined;
alter table sends add column price text;

do $$
declare
    name text;
begin
    foreach name in array array['message_changes', 'message_states']
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
