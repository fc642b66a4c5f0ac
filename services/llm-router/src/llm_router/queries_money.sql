-- name: this_month
-- The calendar month by the database's clock, UTC, as its first day.
select date_trunc('month', now() at time zone 'UTC')::date;

-- name: changed_rules
-- Budgets that were changed since; all of them at the start.
select tenant_id, monthly_usd, warn_percent, cheaper_percent, cheaper_model, when_spent,
    unknown_price_usd, updated_at
from budgets
where updated_at >= $1::timestamptz
order by updated_at;

-- name: find_rule
-- A tenant's budget.
select tenant_id, monthly_usd, warn_percent, cheaper_percent, cheaper_model, when_spent,
    unknown_price_usd, updated_at
from budgets
where tenant_id = $1::uuid;

-- name: keep_rule
-- Change a tenant's budget.
insert into budgets (
    tenant_id, monthly_usd, warn_percent, cheaper_percent, cheaper_model, when_spent,
    unknown_price_usd, updated_at
)
values (
    $1::uuid, $2::numeric, $3::int[], $4::int, $5::text, $6::text, $7::numeric, clock_timestamp()
)
on conflict (tenant_id) do update
set monthly_usd = excluded.monthly_usd,
    warn_percent = excluded.warn_percent,
    cheaper_percent = excluded.cheaper_percent,
    cheaper_model = excluded.cheaper_model,
    when_spent = excluded.when_spent,
    unknown_price_usd = excluded.unknown_price_usd,
    updated_at = excluded.updated_at;

-- name: open_month
-- This month's sum of a tenant, locked; made if this is the first that is asked of it.
insert into spend_months as m (tenant_id, month)
values ($1::uuid, date_trunc('month', now() at time zone 'UTC')::date)
on conflict (tenant_id, month) do update
set month = m.month
returning m.month, m.spent_usd, m.reserved_usd, m.unpriced_calls, m.exhausted, m.warned;

-- name: find_month
-- This month's sum of a tenant; no row where nothing was spent.
select month, spent_usd, reserved_usd, unpriced_calls, exhausted, warned
from spend_months
where tenant_id = $1::uuid
    and month = date_trunc('month', now() at time zone 'UTC')::date;

-- name: lock_due_months
-- Of these months those that passed a share of which nothing was said, locked in one order.
select m.tenant_id, m.month, m.spent_usd, m.reserved_usd, m.unpriced_calls, m.exhausted, m.warned
from spend_months as m
join unnest($1::uuid[], $2::date[]) as wanted (tenant_id, month)
    on wanted.tenant_id = m.tenant_id and wanted.month = m.month
join budgets as b on b.tenant_id = m.tenant_id
where exists (
    select 1
    from unnest(b.warn_percent) as share
    where share <> all (m.warned) and 100 * m.spent_usd >= share * b.monthly_usd
)
order by m.tenant_id, m.month
for update of m;

-- name: note_warned
-- Shares of the budget that are said from now on.
update spend_months
set warned = $3::int[]
where tenant_id = $1::uuid and month = $2::date;

-- name: note_exhausted
-- The last model that costs money did not fit; or, with false, the rule was changed.
update spend_months
set exhausted = $3::boolean
where tenant_id = $1::uuid and month = $2::date;

-- name: reserve
-- Hold money for a call if it fits into this month's budget: one guarded change of one row.
with rule as (
    select monthly_usd,
        case when $9::boolean then monthly_usd * cheaper_percent / 100 end as threshold_usd
    from budgets
    where tenant_id = $1::uuid and monthly_usd is not null
),
held as (
    insert into spend_months as m (tenant_id, month, reserved_usd)
    select $1::uuid, date_trunc('month', now() at time zone 'UTC')::date, $3::numeric
    from rule
    where $3::numeric <= rule.monthly_usd
        and (rule.threshold_usd is null or rule.threshold_usd > 0)
    on conflict (tenant_id, month) do update
    set reserved_usd = m.reserved_usd + excluded.reserved_usd,
        exhausted = false
    where m.spent_usd + m.reserved_usd + excluded.reserved_usd <= (
            select rule.monthly_usd from rule
        )
        and m.spent_usd + m.reserved_usd < (
            select coalesce(rule.threshold_usd, 'Infinity'::numeric) from rule
        )
    returning m.month
)
insert into reservations (
    reservation_id, tenant_id, month, usd, correlation_id, conversation_id, purpose, model,
    priced, expires_at
)
select $2::uuid, $1::uuid, held.month, $3::numeric, $4::uuid, $5::uuid, $6::text, $7::text,
    $10::boolean, now() + make_interval(secs => $8::double precision)
from held
returning month;

-- name: settle_spends
-- Ledger rows, and what was held for them given back, in one statement.
-- A row that is there already was counted as lost: the truth takes its place. Else it is kept.
with given as (
    select spend_id, tenant_id, correlation_id, conversation_id, purpose, model, input_tokens,
        output_tokens, cached_tokens, estimated, cost_usd, counted_usd, milliseconds, outcome,
        occurred_at, month
    from unnest(
        $1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::text[], $6::text[], $7::int[],
        $8::int[], $9::int[], $10::boolean[], $11::numeric[], $12::numeric[], $13::int[],
        $14::text[], $15::timestamptz[], $16::date[]
    ) as one (
        spend_id, tenant_id, correlation_id, conversation_id, purpose, model, input_tokens,
        output_tokens, cached_tokens, estimated, cost_usd, counted_usd, milliseconds, outcome,
        occurred_at, month
    )
),
freed as (
    delete from reservations as r
    using given
    where r.reservation_id = given.spend_id and r.tenant_id = given.tenant_id
    returning r.reservation_id, r.usd
)
insert into spends as kept (
    spend_id, tenant_id, correlation_id, conversation_id, purpose, model, input_tokens,
    output_tokens, cached_tokens, estimated, cost_usd, counted_usd, freed_usd, milliseconds,
    outcome, occurred_at, month
)
select given.spend_id, given.tenant_id, given.correlation_id, given.conversation_id,
    given.purpose, given.model, given.input_tokens, given.output_tokens, given.cached_tokens,
    given.estimated, given.cost_usd, given.counted_usd, freed.usd, given.milliseconds,
    given.outcome, given.occurred_at, given.month
from given
left join freed on freed.reservation_id = given.spend_id
on conflict (spend_id) do update
set model = excluded.model,
    input_tokens = excluded.input_tokens,
    output_tokens = excluded.output_tokens,
    cached_tokens = excluded.cached_tokens,
    estimated = excluded.estimated,
    cost_usd = excluded.cost_usd,
    counted_usd = excluded.counted_usd,
    milliseconds = excluded.milliseconds,
    outcome = excluded.outcome,
    occurred_at = excluded.occurred_at
where kept.outcome = 'lost' and kept.tenant_id = excluded.tenant_id
returning kept.spend_id;

-- name: expire_reservations
-- What nobody settled in time, by the database's clock: counted as spent, with all that was held.
with late as (
    select reservation_id
    from reservations
    where expires_at < now()
    order by expires_at
    limit $1::int
    for update skip locked
),
ended as (
    delete from reservations as r
    using late
    where r.reservation_id = late.reservation_id
    returning r.reservation_id, r.tenant_id, r.month, r.usd, r.correlation_id, r.conversation_id,
        r.purpose, r.model, r.priced
)
insert into spends (
    spend_id, tenant_id, correlation_id, conversation_id, purpose, model, input_tokens,
    output_tokens, cached_tokens, estimated, cost_usd, counted_usd, freed_usd, milliseconds,
    outcome, occurred_at, month
)
select reservation_id, tenant_id, correlation_id, conversation_id, purpose, model, 0, 0, 0, true,
    case when priced then usd end, usd, usd, 0, 'lost', now(), month
from ended
returning tenant_id, month;

-- name: spend_by_group
-- The ledger of some days, summed by what was asked for.
select
    case $4::text
        when 'day' then to_char(occurred_at at time zone 'UTC', 'YYYY-MM-DD')
        when 'model' then model
        when 'purpose' then purpose
        else coalesce(conversation_id::text, 'none')
    end as name,
    count(*) as calls,
    sum(input_tokens)::bigint as input_tokens,
    sum(output_tokens)::bigint as output_tokens,
    coalesce(sum(cost_usd), 0) as cost_usd,
    count(*) filter (
        where cost_usd is null
            and (outcome in ('answered', 'lost') or input_tokens + output_tokens > 0)
    ) as unpriced_calls
from spends
where tenant_id = $1::uuid
    and occurred_at >= $2::date::timestamp at time zone 'UTC'
    and occurred_at < ($3::date + 1)::timestamp at time zone 'UTC'
    and ($5::uuid is null or conversation_id = $5::uuid)
group by 1
order by case when $4::text = 'day' then 0 else coalesce(sum(cost_usd), 0) end desc,
    case when $4::text = 'day' then null else count(*) end desc, 1
limit $6::int;

-- name: spend_in_all
-- The ledger of some days in one sum.
select
    count(*) as calls,
    coalesce(sum(input_tokens), 0)::bigint as input_tokens,
    coalesce(sum(output_tokens), 0)::bigint as output_tokens,
    coalesce(sum(cost_usd), 0) as cost_usd,
    count(*) filter (
        where cost_usd is null
            and (outcome in ('answered', 'lost') or input_tokens + output_tokens > 0)
    ) as unpriced_calls
from spends
where tenant_id = $1::uuid
    and occurred_at >= $2::date::timestamp at time zone 'UTC'
    and occurred_at < ($3::date + 1)::timestamp at time zone 'UTC'
    and ($4::uuid is null or conversation_id = $4::uuid);

-- name: list_calls
-- The newest model calls of a turn or a conversation.
select occurred_at, correlation_id, conversation_id, purpose, model, input_tokens, output_tokens,
    cost_usd, milliseconds, outcome
from spends
where tenant_id = $1::uuid
    and ($2::uuid is null or correlation_id = $2::uuid)
    and ($3::uuid is null or conversation_id = $3::uuid)
order by occurred_at desc, spend_id desc
limit $4::int;

-- name: find_differences
-- Months in which the sum is not what its rows add up to; none, unless somebody wrote by hand.
select m.tenant_id, m.month, m.spent_usd, m.reserved_usd,
    coalesce(ledger.usd, 0) as ledger_usd, coalesce(held.usd, 0) as held_usd
from spend_months as m
left join lateral (
    select sum(coalesce(s.counted_usd, s.cost_usd, 0)) as usd
    from spends as s
    where s.tenant_id = m.tenant_id
        and coalesce(s.month, date_trunc('month', s.occurred_at at time zone 'UTC')::date)
            = m.month
        and s.occurred_at >= (m.month - 1)::timestamp at time zone 'UTC'
        and s.occurred_at < (m.month + interval '1 month 2 days') at time zone 'UTC'
) as ledger on true
left join lateral (
    select sum(r.usd) as usd
    from reservations as r
    where r.tenant_id = m.tenant_id and r.month = m.month
) as held on true
where m.month >= (date_trunc('month', now() at time zone 'UTC') - $1::interval)::date
    and (m.spent_usd <> coalesce(ledger.usd, 0) or m.reserved_usd <> coalesce(held.usd, 0));

-- name: forget_spends
-- Ledger rows that are older than they are kept; the sums of their months stay.
with old as (
    select spend_id
    from spends
    where occurred_at < now() - make_interval(days => $1::int)
    limit $2::int
)
delete from spends
using old
where spends.spend_id = old.spend_id;

-- name: find_unusual
-- Tenants whose current hour costs much more than the same hour of the days before.
with busy as (
    select tenant_id, sum(cost_usd) as usd
    from spends
    where occurred_at >= date_trunc('hour', now())
    group by tenant_id
    having sum(cost_usd) >= $1::numeric
),
usual as (
    select busy.tenant_id,
        percentile_disc(0.5) within group (order by coalesce(past.usd, 0)) as usd
    from busy
    cross join generate_series(1, $3::int) as day
    left join lateral (
        select sum(s.cost_usd) as usd
        from spends as s
        where s.tenant_id = busy.tenant_id
            and s.occurred_at >= date_trunc('hour', now()) - make_interval(days => day)
            and s.occurred_at < date_trunc('hour', now()) - make_interval(days => day, hours => -1)
    ) as past on true
    group by busy.tenant_id
)
select busy.tenant_id, date_trunc('hour', now()) as hour, busy.usd as spent_usd,
    usual.usd as usual_usd
from busy
join usual using (tenant_id)
where busy.usd > usual.usd * $2::numeric
    and exists (
        select 1
        from spends as first
        where first.tenant_id = busy.tenant_id
            and first.occurred_at < now() - make_interval(days => $4::int)
    )
order by busy.tenant_id;

-- name: claim_unusual_hour
-- Once for each hour and tenant, whichever replica looks first.
insert into unusual_hours (tenant_id, hour)
values ($1::uuid, $2::timestamptz)
on conflict (tenant_id, hour) do nothing
returning tenant_id;

-- name: dearest_of_hour
-- The model and the conversation that cost most since then.
select
    (
        select model from spends
        where tenant_id = $1::uuid and occurred_at >= $2::timestamptz
        group by model order by sum(cost_usd) desc nulls last, model limit 1
    ) as model,
    (
        select conversation_id from spends
        where tenant_id = $1::uuid and occurred_at >= $2::timestamptz
            and conversation_id is not null
        group by conversation_id order by sum(cost_usd) desc nulls last, conversation_id limit 1
    ) as conversation_id;
