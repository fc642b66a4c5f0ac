-- What tenants chose, their own provider keys, and one row for every model call.

create table tenants (
    tenant_id uuid primary key,
    revision bigint not null,
    state text not null,
    model text,
    fallback_models text[] not null,
    embedding_model text,
    updated_at timestamptz not null default now()
);

create table provider_keys (
    tenant_id uuid not null,
    provider text not null,
    sealed_key text not null,
    updated_at timestamptz not null default now(),
    primary key (tenant_id, provider)
);

create table spends (
    spend_id uuid primary key,
    tenant_id uuid not null,
    correlation_id uuid not null,
    conversation_id uuid,
    purpose text not null,
    model text not null,
    input_tokens int not null,
    output_tokens int not null,
    estimated boolean not null,
    cost_usd numeric(18, 10),
    milliseconds int not null,
    outcome text not null,
    occurred_at timestamptz not null
);
create index spends_by_tenant_and_time on spends (tenant_id, occurred_at);
create index spends_by_conversation on spends (tenant_id, conversation_id)
where conversation_id is not null;

alter table tenants enable row level security;
alter table tenants force row level security;
create policy tenants_of_tenant on tenants
    using (chat_tenant_visible(tenant_id)) with check (chat_tenant_visible(tenant_id));

alter table provider_keys enable row level security;
alter table provider_keys force row level security;
create policy provider_keys_of_tenant on provider_keys
    using (chat_tenant_visible(tenant_id)) with check (chat_tenant_visible(tenant_id));

alter table spends enable row level security;
alter table spends force row level security;
create policy spends_of_tenant on spends
    using (chat_tenant_visible(tenant_id)) with check (chat_tenant_visible(tenant_id));
