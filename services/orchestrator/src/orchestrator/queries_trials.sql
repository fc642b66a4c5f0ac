-- name: tenant_settings
-- A tenant's settings and revisions, to lay others over them.
select revision, own_revision, settings from tenants where tenant_id = $1::uuid

-- name: insert_trial
-- Begin a trial; no row where an experiment of its kind goes on already.
insert into trials (trial_id, tenant_id, kind, name, overrides, state, budget_usd, percent, rule)
values ($1::uuid, $2::uuid, $3::text, $4::text, $5::jsonb, 'running', $6::numeric, $7::float8,
    $8::jsonb)
on conflict do nothing
returning created_at

-- name: choose_past_turns
-- Note the newest turns that said something, of the time and conversations asked for.
insert into trial_turns (trial_id, turn_id, tenant_id, conversation_id)
select $2::uuid, turns.turn_id, turns.tenant_id, turns.conversation_id
from turns
where turns.tenant_id = $1::uuid
    and turns.outcome in ('answered', 'handed_off', 'failed_politely')
    and turns.recorded_message_id is not null
    and ($3::timestamptz is null or turns.ended_at >= $3::timestamptz)
    and ($4::timestamptz is null or turns.ended_at <= $4::timestamptz)
    and ($5::uuid[] is null or turns.conversation_id = any($5::uuid[]))
order by turns.ended_at desc
limit $6::int

-- name: running_trials
-- How many replays of a tenant are under way.
select count(*) from trials
where tenant_id = $1::uuid and kind = 'replay' and state = 'running'

-- name: find_trial
-- One trial.
select trial_id, tenant_id, kind, name, overrides, state, detail, budget_usd, percent, rule,
    created_at
from trials
where tenant_id = $1::uuid and trial_id = $2::uuid

-- name: list_trials
-- A tenant's trials, the newest first.
select trial_id, tenant_id, kind, name, overrides, state, detail, budget_usd, percent, rule,
    created_at
from trials
where tenant_id = $1::uuid and kind = any($2::text[])
order by created_at desc, trial_id
limit 50

-- name: running_experiments
-- What turns of a tenant take part in now.
select trial_id, kind, percent, overrides from trials
where tenant_id = $1::uuid and kind in ('shadow', 'canary') and state = 'running'

-- name: end_trial
-- End a trial that goes on; no row where it ended before.
update trials set state = $3::text, detail = $4::text, ended_at = clock_timestamp()
where tenant_id = $1::uuid and trial_id = $2::uuid and state = 'running'
returning trial_id

-- name: note_side
-- A live turn of an experiment, on the side that it was on; a shadow is answered once more.
insert into trial_turns (trial_id, turn_id, tenant_id, conversation_id, state,
    before, before_outcome, after, after_outcome)
values ($1::uuid, $2::uuid, $3::uuid, $4::uuid, $5::text, $6::jsonb, $7::text, $8::jsonb,
    $9::text)
on conflict (trial_id, turn_id) do nothing

-- name: leave_waiting_turns
-- Nobody answers what still waits of an ended trial: it counts on no side, and no claim looks at it.
update trial_turns set state = 'done', before_outcome = null, done_at = clock_timestamp()
where tenant_id = $1::uuid and trial_id = $2::uuid and state = 'waiting'
    and (held_until is null or held_until <= clock_timestamp())

-- name: claim_trial_turns
-- Take turns that are to be answered once more, of each trial the oldest, and hold them for a while.
with waiting as (
    select trial_turns.trial_id, trial_turns.turn_id
    from trial_turns
    join trials on trials.trial_id = trial_turns.trial_id and trials.state = 'running'
    where trial_turns.state = 'waiting'
        and (trial_turns.held_until is null or trial_turns.held_until <= clock_timestamp())
    order by trial_turns.tries, trial_turns.noted_at
    limit $1::int
    for update of trial_turns skip locked
)
update trial_turns
set held_until = clock_timestamp() + make_interval(secs => $2::float8), tries = tries + 1
from waiting, trials
where trial_turns.trial_id = waiting.trial_id and trial_turns.turn_id = waiting.turn_id
    and trials.trial_id = waiting.trial_id
returning trial_turns.trial_id, trial_turns.turn_id, trial_turns.tenant_id,
    trial_turns.conversation_id, trial_turns.tries, trials.kind, trials.overrides

-- name: past_turn
-- A past turn: what it answered, what was said before, and what came of it.
select turns.turn_id, turns.conversation_id, turns.first_seq, turns.last_seq, turns.outcome, turns.started_at,
    turns.ended_at, turns.evidence -> 'decision' as decision,
    turns.evidence -> 'confidence' as confidence,
    turns.evidence -> 'model_calls' as model_calls, turns.evidence -> 'tool_calls' as tool_calls,
    c.channel_id, c.channel_type, c.contact_external_id, said.text, said.citations,
    (select json_agg(json_build_array(recent.seq, recent.role, recent.text, recent.content,
        recent.media)
        order by recent.seq)
     from (select messages.seq, messages.role, messages.text, messages.content,
            case when messages.content is not null then (select k.media from message_media k
                where k.message_id = messages.message_id order by k.heard_at desc limit 1)
            end as media
        from messages
        where messages.tenant_id = $1::uuid and messages.conversation_id = c.conversation_id
            and messages.seq <= turns.last_seq
        order by messages.seq desc limit $3::int) as recent) as messages
from turns
join conversations c on c.tenant_id = $1::uuid and c.conversation_id = turns.conversation_id
left join messages said on said.tenant_id = $1::uuid
    and said.message_id = turns.recorded_message_id
where turns.tenant_id = $1::uuid and turns.turn_id = $2::uuid

-- name: save_tried
-- Keep what came of answering a turn once more; nothing where another worker was faster.
update trial_turns
set state = 'done', before = coalesce($4::jsonb, before),
    before_outcome = coalesce($5::text, before_outcome), after = $6::jsonb,
    after_outcome = $7::text, failure = $8::text, similarity = $9::real, question = $10::text,
    done_at = clock_timestamp(), held_until = null
where tenant_id = $1::uuid and trial_id = $2::uuid and turn_id = $3::uuid and state = 'waiting'

-- name: sums_of_trials
-- One side of trials in numbers.
select trial_turns.trial_id,
    count(*) as turns,
    count(*) filter (where outcome = 'answered') as answered,
    count(*) filter (where outcome = 'handed_off') as handed_off,
    count(*) filter (where outcome = 'failed') as failed,
    count(*) filter (where jsonb_array_length(said -> 'citations') > 0) as cited,
    avg((said ->> 'confidence')::float8) as confidence,
    coalesce(sum((said ->> 'cost_usd')::numeric), 0)::float8 as cost_usd,
    count(*) filter (where said is not null and said ->> 'cost_usd' is null) as unpriced,
    percentile_disc(0.5) within group (order by (said ->> 'milliseconds')::int) as p50,
    percentile_disc(0.95) within group (order by (said ->> 'milliseconds')::int) as p95
from trial_turns
cross join lateral (
    select case when $3::boolean then trial_turns.after else trial_turns.before end as said,
        case when $3::boolean then trial_turns.after_outcome else trial_turns.before_outcome end
            as outcome
) as side
where trial_turns.tenant_id = $1::uuid and trial_turns.trial_id = any($2::uuid[])
    and trial_turns.state = 'done' and outcome is not null
group by trial_turns.trial_id

-- name: counts_of_trials
-- How many turns trials have.
select trial_id, count(*) as turns, count(*) filter (where state = 'waiting') as waiting
from trial_turns
where tenant_id = $1::uuid and trial_id = any($2::uuid[])
group by trial_id

-- name: list_trial_turns
-- Turns of a replay: those that are done and differ most first, then those that wait.
select turn_id, conversation_id, question, before, after, failure, similarity,
    coalesce(similarity, case when state = 'done' then -2 else 2 end) as place
from trial_turns
where tenant_id = $1::uuid and trial_id = $2::uuid and before is not null
    and (coalesce(similarity, case when state = 'done' then -2 else 2 end), turn_id)
        > ($3::real, $4::uuid)
order by place, turn_id
limit $5::int

-- name: trials_to_judge
-- Trials that go on, for those who end them.
select trial_id, tenant_id, kind, name, overrides, state, detail, budget_usd, percent, rule,
    created_at
from trials
where state = 'running'
order by created_at
limit $1::int
