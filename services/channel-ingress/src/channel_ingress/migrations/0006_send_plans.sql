-- How sends are planned: when customers wrote, the pace of people and numbers, parked channels.

-- What decides whether a contact may be written to freely. Times are the provider's.
create table contact_windows (
    conversation_id uuid primary key,
    tenant_id uuid not null,
    last_customer_at timestamptz not null,
    referred_at timestamptz,
    entry_point_until timestamptz
) with (fillfactor = 80);

-- Each number's throughput, shared by every process: until when its calls are given away.
create table channel_paces (
    channel_id uuid primary key,
    tenant_id uuid not null,
    busy_until timestamptz not null
) with (fillfactor = 50);

-- Channels whose sends wait: for somebody to act (no until), or for a moment.
create table channel_parks (
    channel_id uuid primary key,
    tenant_id uuid not null,
    code text not null,
    provider_code bigint,
    detail text not null,
    bots_only boolean not null default false,
    since timestamptz not null default now(),
    until timestamptz,
    revision bigint not null
);

-- Until when the pair of number and person is paid for: one message each 6 s, 45 borrowed.
alter table conversations add column paced_until timestamptz;

alter table sends add column author text not null default 'bot';
alter table sends add column previous_seq bigint;
alter table sends add column plan text;
alter table sends add column fallback text check (fallback in ('template', 'text'));
alter table sends add column told_code text;
-- What joins need of the command: its JSON may hold words that Postgres cannot read as text.
alter table sends add column contact_external_id text;
alter table sends add column recorded_message_id uuid;
-- Attempts that do not count against the tries of the part that is next: those of parts before it,
-- and those that met a parked channel.
alter table sends add column attempts_before int not null default 0;
create index sends_planned_of_channel on sends (channel_id) where state = 'planned';

do $$
declare
    name text;
begin
    foreach name in array array['contact_windows', 'channel_paces', 'channel_parks']
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
