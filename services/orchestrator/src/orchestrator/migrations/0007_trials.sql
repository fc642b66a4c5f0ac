-- Trials: past turns answered once more (replay), live ones answered twice, unseen (shadow), and
-- other settings for a share of the conversations (canary).
create table trials (
    trial_id uuid primary key,
    tenant_id uuid not null references tenants (tenant_id),
    kind text not null check (kind in ('replay', 'shadow', 'canary')),
    name text not null,
    overrides jsonb not null,
    state text not null check (state in ('running', 'done', 'stopped', 'failed')),
    detail text,
    budget_usd numeric(14, 6),
    percent float8,
    rule jsonb,
    created_at timestamptz not null default clock_timestamp(),
    ended_at timestamptz,
    unique (tenant_id, trial_id)
);
create unique index trials_one_experiment_of_a_kind on trials (tenant_id, kind)
where state = 'running' and kind in ('shadow', 'canary');
create index trials_newest on trials (tenant_id, created_at desc);
create index trials_running on trials (created_at) where state = 'running';

-- Before and after are `TriedAnswer` as JSON; a canary's turn has only its own side.
create table trial_turns (
    trial_id uuid not null,
    turn_id uuid not null,
    tenant_id uuid not null,
    conversation_id uuid not null,
    state text not null default 'waiting' check (state in ('waiting', 'done')),
    question text,
    before jsonb,
    before_outcome text check (before_outcome in ('answered', 'handed_off', 'failed')),
    after jsonb,
    after_outcome text check (after_outcome in ('answered', 'handed_off', 'failed')),
    failure text,
    similarity real,
    tries int not null default 0,
    held_until timestamptz,
    noted_at timestamptz not null default clock_timestamp(),
    done_at timestamptz,
    primary key (trial_id, turn_id),
    foreign key (tenant_id, trial_id) references trials (tenant_id, trial_id) on delete cascade
);
create index trial_turns_waiting on trial_turns (tries, noted_at) where state = 'waiting';

alter table trials enable row level security;
alter table trials force row level security;
create policy trials_visible on trials
    using (chat_tenant_visible(tenant_id)) with check (chat_tenant_visible(tenant_id));
alter table trial_turns enable row level security;
alter table trial_turns force row level security;
create policy trial_turns_visible on trial_turns
    using (chat_tenant_visible(tenant_id)) with check (chat_tenant_visible(tenant_id));
