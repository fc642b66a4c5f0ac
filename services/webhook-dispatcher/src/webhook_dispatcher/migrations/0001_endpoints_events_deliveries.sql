-- Endpoints and their signing secrets, the public event log, deliveries and their tries.

create table tenants (
    tenant_id uuid primary key,
    slug text not null,
    state text not null,
    revision bigint not null
);

create table endpoints (
    endpoint_id uuid primary key,
    tenant_id uuid not null,
    url text not null,
    description text not null,
    event_types text[] not null,
    enabled boolean not null default true,
    disabled_reason text,
    secret_hint text not null,
    -- First failure since the last success; null while it works.
    failing_since timestamptz,
    created_at timestamptz not null default now(),
    unique (tenant_id, endpoint_id)
);

create table endpoint_secrets (
    secret_id uuid primary key default gen_random_uuid(),
    tenant_id uuid not null,
    endpoint_id uuid not null,
    sealed text not null,
    created_at timestamptz not null default now(),
    -- Set when a newer secret replaced it; until then both sign.
    expires_at timestamptz,
    foreign key (tenant_id, endpoint_id)
        references endpoints (tenant_id, endpoint_id) on delete cascade
);
create index endpoint_secrets_of on endpoint_secrets (endpoint_id, created_at desc);

create table event_log (
    event_id uuid primary key,
    tenant_id uuid not null,
    event_type text not null,
    routing_key text not null,
    body text not null,
    occurred_at timestamptz not null,
    logged_at timestamptz not null default now(),
    unique (tenant_id, event_id)
);
create index event_log_tenant on event_log (tenant_id, logged_at);
create index event_log_age on event_log (logged_at);

-- A row here means: not yet confirmed on the feed. A mark on event_log itself would rewrite the
-- whole event each time.
create table unpublished_events (
    event_id uuid primary key,
    tenant_id uuid not null,
    due_at timestamptz not null,
    foreign key (tenant_id, event_id)
        references event_log (tenant_id, event_id) on delete cascade
) with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 500);
create index unpublished_events_due on unpublished_events (due_at);

create table deliveries (
    delivery_id uuid primary key default gen_random_uuid(),
    position bigint generated always as identity,
    tenant_id uuid not null,
    endpoint_id uuid not null,
    event_id uuid not null,
    state text not null default 'pending'
        check (state in ('pending', 'delivered', 'exhausted', 'cancelled')),
    -- Rises with each claim: the fence of whoever makes the try.
    claims int not null default 0,
    -- Failures since the schedule began; a redelivery begins it anew.
    failures int not null default 0,
    -- When it may be claimed; a claim moves it past the lease, so a crash heals itself.
    next_attempt_at timestamptz,
    created_at timestamptz not null default now(),
    settled_at timestamptz,
    unique (event_id, endpoint_id),
    unique (tenant_id, delivery_id),
    foreign key (tenant_id, event_id)
        references event_log (tenant_id, event_id) on delete cascade,
    foreign key (tenant_id, endpoint_id)
        references endpoints (tenant_id, endpoint_id) on delete cascade
) with (fillfactor = 80);
create index deliveries_due on deliveries (endpoint_id, next_attempt_at) where state = 'pending';
create index deliveries_page on deliveries (endpoint_id, position desc);

create table attempts (
    delivery_id uuid not null,
    attempt int not null,
    tenant_id uuid not null,
    at timestamptz not null,
    code text not null,
    status_code int,
    milliseconds int not null,
    answer text not null,
    primary key (delivery_id, attempt),
    foreign key (tenant_id, delivery_id)
        references deliveries (tenant_id, delivery_id) on delete cascade
);

do $$
declare
    name text;
begin
    foreach name in array array[
        'tenants', 'endpoints', 'endpoint_secrets', 'event_log', 'unpublished_events',
        'deliveries', 'attempts'
    ] loop
        execute format('alter table %I enable row level security', name);
        execute format('alter table %I force row level security', name);
        execute format(
            'create policy own_tenant on %I for all using (chat_tenant_visible(tenant_id))'
            ' with check (chat_tenant_visible(tenant_id))', name);
    end loop;
end
$$;
