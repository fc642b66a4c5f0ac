-- A tenant's slug is its name on the event broker; null until gateway says it again.
alter table tenants add column slug text;

-- Tools of a tenant's own. What is secret of them is sealed for this tenant and name.
create table tools (
    tenant_id uuid not null,
    name text not null,
    description text not null,
    parameters text not null,
    kind text not null check (kind in ('https', 'broker')),
    url text,
    sealed_headers text,
    sealed_secret text,
    -- Signs beside the new one until then, so that a rotation loses no call.
    previous_sealed_secret text,
    previous_secret_until timestamptz,
    timeout_seconds double precision not null,
    result_characters_max int not null,
    enabled boolean not null,
    repeatable boolean not null,
    updated_at timestamptz not null default now(),
    primary key (tenant_id, name),
    check ((kind = 'https') = (url is not null))
);

-- Servers of the Model Context Protocol, with what each offered when it was last asked.
create table mcp_servers (
    tenant_id uuid not null,
    name text not null,
    transport text not null check (transport in ('streamable_http', 'stdio')),
    url text,
    command text,
    sealed_headers text,
    enabled_tools jsonb not null,
    offered jsonb not null,
    state text not null check (state in ('working', 'failing')),
    detail text,
    looked_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    primary key (tenant_id, name),
    check ((transport = 'streamable_http') = (url is not null)),
    check ((transport = 'stdio') = (command is not null))
);

-- Calls of the tenant's own tools within a turn: written before the call and after it, so that a
-- turn that is begun again knows what was done.
create table tool_runs (
    tenant_id uuid not null,
    turn_id uuid not null,
    -- sha256 of the tool's name and its arguments in canonical form.
    fingerprint bytea not null check (length(fingerprint) = 32),
    conversation_id uuid not null,
    name text not null,
    state text not null check (state in ('attempting', 'done')),
    outcome text,
    result text,
    calls int not null default 1,
    began_at timestamptz not null default now(),
    ended_at timestamptz,
    primary key (turn_id, fingerprint),
    check ((state = 'done') = (outcome is not null and result is not null))
);
create index tool_runs_of_conversation on tool_runs (tenant_id, conversation_id);
create index tool_runs_by_age on tool_runs (began_at);

alter table tools enable row level security;
alter table tools force row level security;
create policy tools_visible on tools
    using (chat_tenant_visible(tenant_id)) with check (chat_tenant_visible(tenant_id));
alter table mcp_servers enable row level security;
alter table mcp_servers force row level security;
create policy mcp_servers_visible on mcp_servers
    using (chat_tenant_visible(tenant_id)) with check (chat_tenant_visible(tenant_id));
alter table tool_runs enable row level security;
alter table tool_runs force row level security;
create policy tool_runs_visible on tool_runs
    using (chat_tenant_visible(tenant_id)) with check (chat_tenant_visible(tenant_id));
