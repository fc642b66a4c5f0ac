-- name: park_channels
-- Park the channel that failed, unless it was configured anew since, and those that share its
-- account or app; a park without an end stays. Tells which are news.
with failed as (
    select channel_id, tenant_id, business_account_id, app_id
    from channels
    where channel_id = $1::uuid and revision <= $2::bigint
), concerned as (
    select channels.channel_id, channels.tenant_id, channels.revision
    from channels, failed
    where channels.channel_id = failed.channel_id
       or (channels.tenant_id = failed.tenant_id and channels.state = 'active' and (
           ($3::text = 'account' and channels.business_account_id = failed.business_account_id)
           or ($3::text = 'app' and channels.app_id = failed.app_id)))
)
insert into channel_parks as parked
    (channel_id, tenant_id, code, provider_code, detail, bots_only, until, revision)
select channel_id, tenant_id, $4::text, $5::bigint, $6::text, $3::text = 'bots',
       now() + make_interval(secs => $7::float8), revision
from concerned
order by channel_id
on conflict (channel_id) do update set
    code = excluded.code,
    provider_code = excluded.provider_code,
    detail = excluded.detail,
    bots_only = excluded.bots_only,
    since = case when parked.code = excluded.code then parked.since else excluded.since end,
    until = excluded.until,
    revision = excluded.revision
where excluded.until is null or parked.until is not null
returning channel_id,
          (select code from channel_parks as before where before.channel_id = parked.channel_id)
              is distinct from code as is_news;

-- name: unpark_channels
-- Set channels free, and their sends due: this one, if it was parked under an older configuration
-- than this (null: under any), or (null) those whose pause is over.
with freed as (
    delete from channel_parks
    where case when $1::uuid is null then until <= now()
               else channel_id = $1::uuid and ($2::bigint is null or revision < $2::bigint) end
    returning channel_id, tenant_id, code
), due as (
    update sends
    set next_attempt_at = clock_timestamp()
    from freed
    where sends.channel_id = freed.channel_id and sends.state = 'planned'
      and sends.code = freed.code
)
select channel_id, tenant_id from freed;

-- name: find_park
-- Why a channel's sends wait.
select channel_id, tenant_id, code, provider_code, detail, bots_only, since, until, revision
from channel_parks
where channel_id = $1::uuid and (until is null or until > now());

-- name: count_parked_sends
-- Messages that wait for a channel, if it is parked.
select count(*)
from sends
join channel_parks as parks on parks.channel_id = sends.channel_id
where sends.channel_id = $1::uuid and sends.state = 'planned'
  and (not parks.bots_only or sends.author = 'bot');

-- name: take_pace
-- Take some of a number's time; answers for how many seconds it was given away already.
insert into channel_paces as paced (channel_id, tenant_id, busy_until)
values ($1::uuid, $2::uuid, clock_timestamp() + make_interval(secs => $3::float8))
on conflict (channel_id) do update set
    busy_until = greatest(paced.busy_until, clock_timestamp()) + make_interval(secs => $3::float8)
returning greatest(
    0, extract(epoch from busy_until - clock_timestamp()) - $3::float8
)::float8 as waits;

-- name: begin_send
-- Lock a conversation's sends, keep the highest fencing number heard, and answer what its window,
-- its pace, its contact and its channel's park say. Who goes on under another key (and so in another
-- conversation) has that one's window too.
with raised as (
    insert into conversations as known (conversation_id, tenant_id, ownership_number)
    values ($1::uuid, $2::uuid, $3::bigint)
    on conflict (conversation_id) do update set
        ownership_number = greatest(known.ownership_number, excluded.ownership_number)
    returning conversation_id, ownership_number, paced_until
)
select raised.ownership_number, clock_timestamp() as now, raised.paced_until,
       greatest(windows.last_customer_at, theirs.last_customer_at) as last_customer_at,
       greatest(windows.entry_point_until, theirs.entry_point_until) as entry_point_until,
       people.phone, people.user_id, people.moved_to, parks.code as park_code,
       parks.detail as park_detail, parks.bots_only as park_bots_only,
       parks.until as park_until
from raised
left join contact_windows as windows on windows.conversation_id = raised.conversation_id
left join channel_contacts as people
    on people.channel_id = $4::uuid and people.external_id = $5::text
left join channel_contacts as now_known
    on now_known.channel_id = $4::uuid and now_known.external_id = people.moved_to
left join contact_windows as theirs on theirs.conversation_id = now_known.conversation_id
left join channel_parks as parks
    on parks.channel_id = $4::uuid and (parks.until is null or parks.until > now());

-- name: plan_send
-- Keep a send once: to be attempted now (and the pair's time paid), or planned, when it has to
-- wait or an earlier one of its conversation is not final. An attempt older than the longest call
-- cannot be in flight and holds nobody up; nor does a quiet bot a person. One whose predecessor
-- has not been heard of waits for it.
with held as (
    select exists (
        select 1
        from sends
        where conversation_id = $3::uuid and seq < $6::bigint
          and ((state = 'planned' and not (code = 'spam_limited' and $10::text <> 'bot'))
               or (state = 'attempting' and attempting_since
                   > clock_timestamp() - make_interval(secs => $11::float8)))
    ) or ($12::bigint is not null and not exists (
        select 1 from sends where conversation_id = $3::uuid and seq = $12::bigint
    )) as is_held
), placed as (
    insert into sends
        (send_id, tenant_id, conversation_id, channel_id, channel_type, seq, ownership_number,
         part_count, command, author, previous_seq, plan, state, attempts, attempting_since,
         planned_at, next_attempt_at, code, detail, contact_external_id, recorded_message_id)
    select $1::uuid, $2::uuid, $3::uuid, $4::uuid, $5::text, $6::bigint, $7::bigint, $8::int,
           $9::text, $10::text, $12::bigint, $13::text,
           case when is_held or not $14::boolean then 'planned' else 'attempting' end,
           case when is_held or not $14::boolean then 0 else 1 end,
           case when is_held or not $14::boolean then null else clock_timestamp() end,
           clock_timestamp(), coalesce($15::timestamptz, clock_timestamp()), $16::text, $17::text,
           $19::text, $20::uuid
    from held
    on conflict (send_id) do nothing
    returning conversation_id, state, attempts
), paid as (
    update conversations
    set paced_until = greatest(conversations.paced_until, clock_timestamp())
                      + make_interval(secs => $18::float8)
    from placed
    where conversations.conversation_id = placed.conversation_id
      and placed.state = 'attempting' and $18::float8 > 0
)
select state, attempts from placed;

-- name: keep_ended_send
-- Keep a send that ended where it began: refused, or shown by gateway.
insert into sends
    (send_id, tenant_id, conversation_id, channel_id, channel_type, seq, ownership_number,
     part_count, command, author, plan, state, code, detail, ended_at, contact_external_id,
     recorded_message_id)
values ($1::uuid, $2::uuid, $3::uuid, $4::uuid, $5::text, $6::bigint, $7::bigint, 1, $8::text,
        $9::text, $10::text, $11::text, $12::text, $13::text, clock_timestamp(), $14::text,
        $15::uuid)
on conflict (send_id) do nothing
returning true;

-- name: claim_due_sends
-- Take planned sends whose time has come, that no earlier one of their conversation holds up and
-- whose channel is not parked; the pair's time is paid. With what planning them needs to know.
-- One conversation's, or (null) all that nobody else works on.
with due as (
    select planned.send_id, sends_of.paced_until, sends_of.ownership_number,
           planned.previous_seq is not null and not exists (
               select 1
               from sends as before
               where before.conversation_id = planned.conversation_id
                 and before.seq = planned.previous_seq
           ) as is_unordered
    from sends as planned
    join conversations as sends_of on sends_of.conversation_id = planned.conversation_id
    where planned.state = 'planned' and planned.next_attempt_at <= clock_timestamp()
      and ($4::uuid is null or planned.conversation_id = $4::uuid)
      and not exists (
          select 1
          from channel_parks as parks
          where parks.channel_id = planned.channel_id
            and (parks.until is null or parks.until > now())
            and (not parks.bots_only or planned.author = 'bot')
      )
      and not exists (
          select 1
          from sends as earlier
          where earlier.conversation_id = planned.conversation_id and earlier.seq < planned.seq
            and ((earlier.state = 'planned'
                  and not (earlier.code = 'spam_limited' and planned.author <> 'bot'))
                 or (earlier.state = 'attempting' and earlier.attempting_since
                     > clock_timestamp() - make_interval(secs => $1::float8)))
      )
      and (planned.previous_seq is null
           or planned.planned_at < clock_timestamp() - make_interval(secs => $2::float8)
           or exists (
               select 1
               from sends as before
               where before.conversation_id = planned.conversation_id
                 and before.seq = planned.previous_seq
           ))
    order by planned.next_attempt_at, planned.seq
    limit $3::int
    for update of planned, sends_of skip locked
), claimed as (
    update sends
    set state = 'attempting', attempts = attempts + 1, attempting_since = clock_timestamp()
    from due
    where sends.send_id = due.send_id
    returning sends.conversation_id, sends.channel_id, sends.channel_type, sends.attempts,
              sends.next_part, sends.part_count, sends.command, sends.plan, sends.fallback,
              sends.provider_code, sends.contact_external_id, sends.attempts_before,
              sends.ownership_number < due.ownership_number and sends.author <> 'agent' as is_stale,
              due.paced_until,
              due.is_unordered
), paid as (
    update conversations
    set paced_until = greatest(conversations.paced_until, clock_timestamp())
                      + make_interval(
                            secs => $5::float8 * (claimed.part_count - claimed.next_part))
    from claimed
    where conversations.conversation_id = claimed.conversation_id
      and claimed.channel_type = 'whatsapp'
)
select claimed.attempts, claimed.attempts_before, claimed.next_part, claimed.part_count, claimed.command, claimed.plan,
       claimed.fallback, claimed.provider_code, claimed.is_stale, claimed.is_unordered,
       clock_timestamp() as now,
       claimed.paced_until,
       greatest(windows.last_customer_at, theirs.last_customer_at) as last_customer_at,
       greatest(windows.entry_point_until, theirs.entry_point_until) as entry_point_until,
       people.phone, people.user_id, people.moved_to
from claimed
left join contact_windows as windows on windows.conversation_id = claimed.conversation_id
left join channel_contacts as people
    on people.channel_id = claimed.channel_id
   and people.external_id = claimed.contact_external_id
left join channel_contacts as now_known
    on now_known.channel_id = claimed.channel_id and now_known.external_id = people.moved_to
left join contact_windows as theirs on theirs.conversation_id = now_known.conversation_id;

-- name: lock_conversation
-- Wait until nobody else plans or claims this conversation's sends.
select true
from conversations
where conversation_id = $1::uuid
for update;

-- name: put_off_send
-- A claimed send may not go yet: planned again as if it had not been claimed, its pair's time paid
-- back. Parked ones (no time) are looked at again when the channel is free.
with put_off as (
    update sends
    set state = 'planned', attempts = attempts - 1, attempting_since = null,
        next_attempt_at = coalesce($2::timestamptz, clock_timestamp() + interval '5 minutes'),
        code = $3::text, detail = $4::text, plan = $5::text
    where send_id = $1::uuid and state = 'attempting'
    returning conversation_id
)
update conversations
set paced_until = paced_until - make_interval(secs => $6::float8)
from put_off
where conversations.conversation_id = put_off.conversation_id;

-- name: keep_plan
-- A claimed send goes by another plan than before, perhaps in other parts.
update sends
set plan = $2::text, part_count = $3::int
where send_id = $1::uuid;

-- name: has_stale_call
-- Whether a call that was begun under a lower number lately has no end yet; a person's words and
-- attempts whose process died long ago are not waited for.
select exists (
    select 1 from sends
    where conversation_id = $1::uuid and ownership_number < $2::bigint and state = 'attempting'
      and author <> 'agent'
      and attempting_since > clock_timestamp() - make_interval(secs => $3::float8)
);

-- name: is_stale_send
-- Whether somebody else owns the conversation since this fencing number.
select exists (
    select 1 from conversations
    where conversation_id = $1::uuid and ownership_number > $2::bigint
);

-- name: record_accepted
-- One part was accepted: keep its id and move on; nothing when another road settled it before. An
-- ad's visitor who is answered within a day opens the free entry point. Answers the state from now
-- on, statuses that came early, whether a later send waits, and whether somebody took over: the
-- parts that follow are not called then.
with ended as (
    update sends
    set next_part = $3::int + 1,
        attempts_before = attempts - 1,
        fallback = case when fallback = 'template' then fallback end,
        state = case when $3::int + 1 = part_count then 'accepted' else 'attempting' end,
        attempting_since = clock_timestamp(),
        ended_at = case when $3::int + 1 = part_count then clock_timestamp() end,
        code = null, provider_code = null, detail = null
    where send_id = $1::uuid and state in ('attempting', 'unknown') and attempts = $2::int
      and next_part = $3::int
    returning send_id, tenant_id, channel_id, conversation_id, state, author, ownership_number
), kept as (
    insert into sent_parts (channel_id, provider_message_id, tenant_id, send_id, part)
    select channel_id, $4::text, tenant_id, send_id, $3::int
    from ended
    on conflict do nothing
    returning provider_message_id
), entered as (
    update contact_windows
    set entry_point_until = clock_timestamp() + make_interval(hours => $5::int)
    from ended
    where contact_windows.conversation_id = ended.conversation_id
      and referred_at > clock_timestamp() - make_interval(hours => $6::int)
      and (entry_point_until is null
           or referred_at > entry_point_until - make_interval(hours => $5::int))
)
select ended.state,
       exists (
           select 1
           from delivery_statuses
           where channel_id = ended.channel_id and provider_message_id = $4::text and not joined
       ) as has_early_statuses,
       exists (
           select 1 from sends
           where conversation_id = ended.conversation_id and state = 'planned'
       ) as has_waiting,
       ended.author <> 'agent' and exists (
           select 1 from conversations
           where conversation_id = ended.conversation_id
             and ownership_number > ended.ownership_number
       ) as is_stale
from ended;

-- name: record_retry
-- Certainly not delivered, and worth another try, perhaps in another form; the pair's time of what
-- was not called is paid back, because its next claim pays again. A parked channel costs no try.
with retried as (
    update sends
    set state = 'planned',
        next_attempt_at = clock_timestamp() + make_interval(secs => $3::float8),
        code = $4::text, provider_code = $5::bigint, detail = $6::text,
        fallback = coalesce($7::text, fallback),
        attempts_before = attempts_before + $9::int
    where send_id = $1::uuid and state = 'attempting' and attempts = $2::int
    returning conversation_id, part_count - next_part as parts
), paid_back as (
    update conversations
    set paced_until = paced_until - make_interval(secs => $8::float8 * (retried.parts - $10::int))
    from retried
    where conversations.conversation_id = retried.conversation_id
      and $8::float8 * (retried.parts - $10::int) > 0
)
select true from retried;

-- name: record_end
-- Failed for good, or unknown: what can be said of it.
update sends
set state = $3::text, ended_at = clock_timestamp(), code = $4::text, provider_code = $5::bigint,
    detail = $6::text, plan = coalesce($7::text, plan)
where send_id = $1::uuid and state = 'attempting' and attempts = $2::int
returning exists (
    select 1 from sends as waiting
    where waiting.conversation_id = sends.conversation_id and waiting.state = 'planned'
) as has_waiting;

-- name: expire_attempting
-- Attempts without any evidence for too long: nobody knows.
update sends
set state = 'unknown', ended_at = clock_timestamp(), code = 'no_evidence',
    detail = 'The request may have been sent, no answer was read and no status came.'
where send_id in (
    select send_id
    from sends
    where state = 'attempting'
      and attempting_since < clock_timestamp() - make_interval(secs => $1::float8)
    order by attempting_since
    limit 100
    for update skip locked
)
returning send_id, detail, command;

-- name: plan_of_send
-- The plan by which a send went out.
select plan
from sends
where send_id = $1::uuid;

-- name: tell_parked
-- Sends of parked channels that are due, or whose people do not know yet: put off and said once.
with waiting as (
    select sends.send_id, sends.told_code, parks.code, parks.detail, parks.until
    from channel_parks as parks
    join sends on sends.channel_id = parks.channel_id
    where (parks.until is null or parks.until > now()) and sends.state = 'planned'
      and (not parks.bots_only or sends.author = 'bot')
      and (sends.told_code is distinct from parks.code or sends.next_attempt_at <= now())
    order by sends.conversation_id, sends.seq
    limit 200
    for update of sends skip locked
)
update sends
set told_code = waiting.code, code = waiting.code, detail = waiting.detail,
    next_attempt_at = least(waiting.until, clock_timestamp() + interval '5 minutes')
from waiting
where sends.send_id = waiting.send_id
returning sends.command, waiting.code, waiting.detail, waiting.until,
          waiting.told_code is distinct from waiting.code as is_news;

-- name: tell_waiting
-- Sends that wait longer than this and nobody was told: with why and when they are tried.
with waiting as (
    select send_id
    from sends
    where state = 'planned' and told_code is null
      and (next_attempt_at > now() + make_interval(secs => $1::float8)
           or planned_at < now() - make_interval(secs => $1::float8))
    limit 200
    for update skip locked
)
update sends
set told_code = coalesce(code, 'in_order')
from waiting
where sends.send_id = waiting.send_id
returning sends.command, sends.told_code as code,
          coalesce(sends.detail, 'It waits for an earlier message of its conversation.') as detail,
          greatest(sends.next_attempt_at, clock_timestamp(), (
              select min(first.next_attempt_at)
              from sends as first
              where first.conversation_id = sends.conversation_id and first.state = 'planned'
          )) as until,
          true as is_news;

-- name: open_windows
-- Customers wrote: their windows are open from then; news only, in whatever order it is heard.
insert into contact_windows as known
    (conversation_id, tenant_id, last_customer_at, referred_at)
select conversation_id, tenant_id, least(at, now()), case when is_referred then least(at, now()) end
from unnest($1::uuid[], $2::uuid[], $3::timestamptz[], $4::boolean[])
     as said(conversation_id, tenant_id, at, is_referred)
order by conversation_id
on conflict (conversation_id) do update set
    last_customer_at = greatest(known.last_customer_at, excluded.last_customer_at),
    referred_at = greatest(known.referred_at, excluded.referred_at)
where excluded.last_customer_at > known.last_customer_at
   or excluded.referred_at > coalesce(known.referred_at, '-infinity'::timestamptz);
