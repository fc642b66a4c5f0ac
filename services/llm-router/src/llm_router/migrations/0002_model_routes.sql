-- Routes by purpose, and a provider's address, limits and last test beside a tenant's key of it.

create table model_routes (
    tenant_id uuid not null,
    purpose text not null,
    model text,
    canary_model text,
    canary_percent double precision not null,
    fallbacks text[],
    hedge_after_milliseconds int,
    deadline_seconds double precision,
    updated_at timestamptz not null default now(),
    primary key (tenant_id, purpose)
);

alter table model_routes enable row level security;
alter table model_routes force row level security;
create policy model_routes_of_tenant on model_routes
    using (chat_tenant_visible(tenant_id)) with check (chat_tenant_visible(tenant_id));

-- A row may be an address or limits without a key; yesterday's code reads that as the platform's.
alter table provider_keys
    alter column sealed_key drop not null,
    add column base_url text,
    add column key_ending text,
    add column requests_per_minute int,
    add column concurrent_max int,
    add column state text not null default 'working',
    add column detail text,
    add column tested_at timestamptz not null default now();
