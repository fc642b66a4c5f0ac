-- Budgets: a rule for each tenant, a sum for each month, what is held for calls under way.
--
-- The ledger (`spends`) is the truth. `spend_months` is its sum, kept by triggers, so that it also
-- holds what yesterday's code writes, and reserving needs to lock one row and no more.

create table budgets (
    tenant_id uuid primary key,
    monthly_usd numeric(18, 10),
    warn_percent int[] not null,
    cheaper_percent int,
    cheaper_model text,
    when_spent text not null,
    unknown_price_usd numeric(18, 10),
    updated_at timestamptz not null default now()
);
create index budgets_by_change on budgets (updated_at);

-- `month` is the first day of a calendar month, UTC. `warned` are the shares that were said.
create table spend_months (
    tenant_id uuid not null,
    month date not null,
    spent_usd numeric not null default 0,
    reserved_usd numeric not null default 0,
    unpriced_calls bigint not null default 0,
    exhausted boolean not null default false,
    warned int[] not null default '{}',
    primary key (tenant_id, month)
) with (fillfactor = 50);

-- One row for a call under way that may cost money; it becomes the ledger's row of the same id.
create table reservations (
    reservation_id uuid primary key,
    tenant_id uuid not null,
    month date not null,
    usd numeric(18, 10) not null,
    correlation_id uuid not null,
    conversation_id uuid,
    purpose text not null,
    model text not null,
    priced boolean not null,
    reserved_at timestamptz not null default now(),
    expires_at timestamptz not null
);
create index reservations_by_expiry on reservations (expires_at);
create index reservations_by_tenant on reservations (tenant_id, month);

-- Hours of which `spend-unusual` was said: once for each hour and tenant.
create table unusual_hours (
    tenant_id uuid not null,
    hour timestamptz not null,
    said_at timestamptz not null default now(),
    primary key (tenant_id, hour)
);

-- `month`: which budget the call counts in, null: that of its own time. `counted_usd`: what it
-- takes of the budget where that is not its cost. `freed_usd`: what was held for it until then.
alter table spends
    add column month date,
    add column counted_usd numeric(18, 10),
    add column freed_usd numeric(18, 10),
    add column cached_tokens int;
create index spends_by_correlation on spends (tenant_id, correlation_id);
create index spends_by_time on spends using brin (occurred_at);

insert into spend_months (tenant_id, month, spent_usd, unpriced_calls)
select
    tenant_id,
    date_trunc('month', occurred_at at time zone 'UTC')::date,
    coalesce(sum(cost_usd), 0),
    count(*) filter (
        where cost_usd is null
            and (outcome in ('answered', 'lost') or input_tokens + output_tokens > 0)
    )
from spends
group by 1, 2
order by 1, 2;

-- Rows are taken in one order, so that two commits of many tenants never wait for each other.
create function spends_were_added() returns trigger language plpgsql as $$
begin
    insert into spend_months as kept (tenant_id, month, spent_usd, reserved_usd, unpriced_calls)
    select
        added.tenant_id,
        coalesce(added.month, date_trunc('month', added.occurred_at at time zone 'UTC')::date),
        sum(coalesce(added.counted_usd, added.cost_usd, 0)),
        -sum(coalesce(added.freed_usd, 0)),
        count(*) filter (
            where added.cost_usd is null
                and (
                    added.outcome in ('answered', 'lost')
                    or added.input_tokens + added.output_tokens > 0
                )
        )
    from added
    where coalesce(added.counted_usd, added.cost_usd) <> 0
        or added.freed_usd is not null
        or (
            added.cost_usd is null
            and (
                added.outcome in ('answered', 'lost')
                or added.input_tokens + added.output_tokens > 0
            )
        )
    group by 1, 2
    order by 1, 2
    on conflict (tenant_id, month) do update
    set spent_usd = kept.spent_usd + excluded.spent_usd,
        reserved_usd = kept.reserved_usd + excluded.reserved_usd,
        unpriced_calls = kept.unpriced_calls + excluded.unpriced_calls;
    return null;
end
$$;
create trigger spends_were_added after insert on spends
    referencing new table as added
    for each statement execute function spends_were_added();

-- A call that was counted as lost and answered after all: its row now holds the truth.
create function spends_were_corrected() returns trigger language plpgsql as $$
begin
    insert into spend_months as kept (tenant_id, month, spent_usd, unpriced_calls)
    select tenant_id, month, sum(usd), sum(unpriced)
    from (
        select
            tenant_id,
            coalesce(month, date_trunc('month', occurred_at at time zone 'UTC')::date) as month,
            coalesce(counted_usd, cost_usd, 0) as usd,
            (
                cost_usd is null
                and (outcome in ('answered', 'lost') or input_tokens + output_tokens > 0)
            )::int as unpriced
        from after
        union all
        select
            tenant_id,
            coalesce(month, date_trunc('month', occurred_at at time zone 'UTC')::date),
            -coalesce(counted_usd, cost_usd, 0),
            -(
                cost_usd is null
                and (outcome in ('answered', 'lost') or input_tokens + output_tokens > 0)
            )::int
        from before
    ) as changes
    group by tenant_id, month
    order by tenant_id, month
    on conflict (tenant_id, month) do update
    set spent_usd = kept.spent_usd + excluded.spent_usd,
        unpriced_calls = kept.unpriced_calls + excluded.unpriced_calls;
    return null;
end
$$;
create trigger spends_were_corrected after update on spends
    referencing old table as before new table as after
    for each statement execute function spends_were_corrected();

alter table budgets enable row level security;
alter table budgets force row level security;
create policy budgets_of_tenant on budgets
    using (chat_tenant_visible(tenant_id)) with check (chat_tenant_visible(tenant_id));

alter table spend_months enable row level security;
alter table spend_months force row level security;
create policy spend_months_of_tenant on spend_months
    using (chat_tenant_visible(tenant_id)) with check (chat_tenant_visible(tenant_id));

alter table reservations enable row level security;
alter table reservations force row level security;
create policy reservations_of_tenant on reservations
    using (chat_tenant_visible(tenant_id)) with check (chat_tenant_visible(tenant_id));

alter table unusual_hours enable row level security;
alter table unusual_hours force row level security;
create policy unusual_hours_of_tenant on unusual_hours
    using (chat_tenant_visible(tenant_id)) with check (chat_tenant_visible(tenant_id));
