-- How channels are: the newest finding of each check, and when to look again.

create table channel_health (
    channel_id uuid primary key,
    tenant_id uuid not null,
    channel_type text not null,
    level text not null default 'unknown' check (level in ('green', 'yellow', 'red', 'unknown')),
    revision bigint not null default 0,
    look_at timestamptz not null default 'infinity',
    looked_at timestamptz,
    token_expires_at timestamptz,
    last_event_at timestamptz,
    -- The channel's rhythm: for each hour of the week, Monday 0:00 UTC first, how often something
    -- came in it, 0 to 1, -1 where nobody has watched yet; and what has come since the last look.
    rhythm real[] not null default array_fill(-1::real, array[168]),
    watched_until timestamptz not null default now(),
    heard_hours timestamptz[] not null default '{}'
) with (fillfactor = 80);
create index channel_health_due on channel_health (look_at);

create table channel_findings (
    channel_id uuid not null,
    check_name text not null,
    tenant_id uuid not null,
    level text not null check (level in ('green', 'yellow', 'red', 'unknown')),
    code text not null,
    provider_code bigint,
    detail text not null,
    checked_at timestamptz not null,
    primary key (channel_id, check_name)
);

do $$
declare
    name text;
begin
    foreach name in array array['channel_health', 'channel_findings']
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
