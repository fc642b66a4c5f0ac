-- name: fallen_due
-- Conversations that shall go on by themselves: asleep until now, or left until people are back.
(select tenant_id, conversation_id
 from conversations
 where snoozed_until <= clock_timestamp()
 order by snoozed_until
 limit $1::int)
union all
(select tenant_id, conversation_id
 from conversations
 where away_until <= clock_timestamp()
 order by away_until
 limit $1::int)

-- name: hold_fallen_due
-- Lock such a conversation, unless somebody else has it or it went on meanwhile.
select snoozed_until <= clock_timestamp() as wakes, away_until <= clock_timestamp() as back
from conversations
where tenant_id = $1::uuid and conversation_id = $2::uuid
    and (snoozed_until <= clock_timestamp() or away_until <= clock_timestamp())
for update skip locked

-- name: come_back
-- People are back: the bot goes on with what the customer wrote meanwhile.
update conversations c
set away_until = null,
    turn_due_at = case when c.owner_kind = 'bot' and c.last_customer_seq > c.last_answered_seq
            and c.status <> 'snoozed' and c.waiting_since is not null
        then coalesce(c.turn_due_at, clock_timestamp()) else c.turn_due_at end
where c.tenant_id = $1::uuid and c.conversation_id = $2::uuid
returning c.turn_due_at is not null as turn_due

-- name: inactive_conversations
-- Conversations of tenants that end them after a silence, whose silence is over; never where the
-- customer waits for us.
select t.tenant_id, quiet.conversation_id
from tenants t
cross join unnest(array['active', 'waiting', 'assigned_human']) as going_on (status)
cross join lateral (
    select c.conversation_id
    from conversations c
    where c.tenant_id = t.tenant_id and c.status = going_on.status
        and c.last_message_at <= clock_timestamp()
            - make_interval(mins => (t.settings ->> 'inactivity_minutes')::int)
        and c.waiting_since is null and c.last_seq > 0
    order by c.last_message_at
    limit $1::int
) as quiet
where t.state = 'active' and t.settings ->> 'inactivity_minutes' is not null
limit $1::int

-- name: hold_inactive
-- Lock such a conversation, unless somebody else has it or something was said meanwhile.
select c.conversation_id
from conversations c
join tenants t on t.tenant_id = c.tenant_id
where c.tenant_id = $1::uuid and c.conversation_id = $2::uuid
    and c.status in ('active', 'waiting', 'assigned_human') and c.waiting_since is null
    and c.last_message_at <= clock_timestamp()
        - make_interval(mins => (t.settings ->> 'inactivity_minutes')::int)
for update of c skip locked

-- name: claim_alarms
-- Tell of customers who wait too long, once; who sleeps or was told that nobody is there may wait.
with due as (
    select c.conversation_id, channels.state = 'active' as is_served
    from conversations c
    join tenants t on t.tenant_id = c.tenant_id
    join channels on channels.tenant_id = c.tenant_id and channels.channel_id = c.channel_id
    where c.waiting_since <= clock_timestamp() - make_interval(secs => 60)
        and c.alarmed_at is null and c.waiting_since is not null
        and c.waiting_since <= clock_timestamp() - make_interval(mins =>
            coalesce((t.settings ->> 'unanswered_alarm_minutes')::int, $2::int))
        and c.status <> 'snoozed' and t.state = 'active'
        and (c.away_until is null or c.away_until <= clock_timestamp())
    order by c.waiting_since
    limit $1::int
    for update of c skip locked
), told as (
    update conversations c
    set alarmed_at = clock_timestamp()
    from due
    where c.conversation_id = due.conversation_id
    returning c.tenant_id, c.conversation_id, c.channel_id, c.channel_type, c.owner_kind,
        c.assignee, c.waiting_since, c.last_answered_seq, c.last_customer_seq, c.turn_due_at,
        c.turn_attempts, coalesce(c.lease_until > clock_timestamp(), false) as is_leased,
        due.is_served
)
select told.*,
    coalesce((select min(m.seq) from messages m
     where m.tenant_id = told.tenant_id and m.conversation_id = told.conversation_id
        and m.role = 'customer' and m.seq > told.last_answered_seq),
        nullif(told.last_customer_seq, 0)) as first_seq,
    (select turns.evidence ->> 'failure' from turns
     where turns.tenant_id = told.tenant_id and turns.conversation_id = told.conversation_id
        and turns.first_seq > told.last_answered_seq
     order by turns.first_seq desc limit 1) as last_failure
from told

-- name: note_undelivered
-- The newest message to a customer did not reach them, as far as is known. Rows are locked in the
-- order in which messages are placed.
with missed as (
    select c.conversation_id
    from unnest($1::uuid[], $2::uuid[]) as lost (tenant_id, message_id)
    join messages m on m.tenant_id = lost.tenant_id and m.message_id = lost.message_id
    join conversations c on c.tenant_id = m.tenant_id and c.conversation_id = m.conversation_id
        and c.last_send_seq = m.seq
    where m.role in ('bot', 'agent') and m.delivery in ('failed', 'unknown')
        and c.last_customer_seq > 0 and c.undelivered_since is null
    order by c.conversation_id
    for update of c
)
update conversations c
set undelivered_since = clock_timestamp()
from missed
where c.conversation_id = missed.conversation_id

-- name: note_refused
-- The bot's answer was held back because a person had taken over: the customer has had none, and
-- waits for that person, unless they spoke meanwhile.
with refused as (
    select c.conversation_id
    from unnest($1::uuid[], $2::uuid[]) as lost (tenant_id, message_id)
    join messages m on m.tenant_id = lost.tenant_id and m.message_id = lost.message_id
    join conversations c on c.tenant_id = m.tenant_id and c.conversation_id = m.conversation_id
        and c.last_send_seq = m.seq
    where m.role = 'bot' and m.delivery = 'failed' and c.owner_kind = 'human'
        and c.status not in ('resolved', 'closed') and c.person_awaited_since is null
        and not exists (
            select from messages later
            where later.tenant_id = m.tenant_id and later.conversation_id = m.conversation_id
                and later.seq > m.seq and later.role = 'agent'
        )
    order by c.conversation_id
    for update of c
)
update conversations c
set person_awaited_since = clock_timestamp()
from refused
where c.conversation_id = refused.conversation_id

-- name: note_stuck_sends
-- Messages to customers that have been on their way for as long as a customer may wait, an hour
-- back at most: nothing was heard of them, so nothing else would tell.
with stuck as (
    select late.conversation_id
    from tenants t
    cross join lateral (
        select c.conversation_id
        from conversations c
        join messages m on m.tenant_id = c.tenant_id and m.conversation_id = c.conversation_id
            and m.seq = c.last_send_seq
        where c.tenant_id = t.tenant_id
            and c.last_message_at <= clock_timestamp() - make_interval(mins =>
                coalesce((t.settings ->> 'unanswered_alarm_minutes')::int, $2::int))
            and c.last_message_at > clock_timestamp() - make_interval(mins => 60 +
                coalesce((t.settings ->> 'unanswered_alarm_minutes')::int, $2::int))
            and c.waiting_since is null and c.alarmed_at is null and c.undelivered_since is null
            and c.last_customer_seq > 0
            and m.delivery in ('planned', 'attempting') and m.role in ('bot', 'agent')
        limit $1::int
    ) as late
    where t.state = 'active'
), held as (
    select c.conversation_id, c.last_message_at
    from conversations c
    where c.conversation_id in (select stuck.conversation_id from stuck)
    for update of c skip locked
)
update conversations c
set undelivered_since = held.last_message_at
from held
where c.conversation_id = held.conversation_id

-- name: claim_undelivered
-- Tell of customers whom our last message did not reach, once; one that did after all is let go.
with due as (
    select c.conversation_id
    from conversations c
    join tenants t on t.tenant_id = c.tenant_id
    where c.undelivered_since <= clock_timestamp() - make_interval(mins =>
            coalesce((t.settings ->> 'unanswered_alarm_minutes')::int, $2::int))
        and t.state = 'active'
    order by c.undelivered_since
    limit $1::int
    for update of c skip locked
), told as (
    -- Only what is told counts as told: who waits for something else may not be forgotten.
    update conversations c
    set undelivered_since = null, alarmed_at = case when exists (
            select from messages m
            where m.tenant_id = c.tenant_id and m.conversation_id = c.conversation_id
                and m.seq = c.last_send_seq
                and m.delivery in ('failed', 'unknown', 'planned', 'attempting')
        ) then clock_timestamp() else c.alarmed_at end
    from due
    where c.conversation_id = due.conversation_id
    returning c.tenant_id, c.conversation_id, c.channel_id, c.channel_type, c.last_send_seq,
        c.last_customer_seq
)
select told.tenant_id, told.conversation_id, told.channel_id, told.channel_type,
    told.last_customer_seq as first_seq, ours.delivery, ours.delivery_code,
    theirs.created_at as waiting_since
from told
join messages ours on ours.tenant_id = told.tenant_id
    and ours.conversation_id = told.conversation_id and ours.seq = told.last_send_seq
    and ours.delivery in ('failed', 'unknown', 'planned', 'attempting')
join messages theirs on theirs.tenant_id = told.tenant_id
    and theirs.conversation_id = told.conversation_id and theirs.seq = told.last_customer_seq

-- name: longest_wait
-- For how many seconds the customer who waits longest, and of whom nobody was told, has waited.
select coalesce(extract(epoch from clock_timestamp() - min(waiting_since)), 0)::float8
from conversations
where waiting_since is not null and alarmed_at is null

-- name: keep_words
-- Let conversations be found by what was said lately; answers how much was taken on.
with due as (
    select ctid from words_due limit $1::int for update skip locked
), taken as (
    delete from words_due using due where words_due.ctid = due.ctid
    returning words_due.tenant_id, words_due.conversation_id, words_due.message_id
), found as (
    select taken.tenant_id, word, taken.conversation_id
    from taken
    join messages m on m.tenant_id = taken.tenant_id and m.message_id = taken.message_id
    cross join unnest(chat_search_words(m.text)) as word
    union
    select taken.tenant_id, word, taken.conversation_id
    from taken
    join conversations c on c.tenant_id = taken.tenant_id
        and c.conversation_id = taken.conversation_id
    join contacts k on k.tenant_id = c.tenant_id and k.contact_id = c.contact_id
    cross join unnest(chat_search_words(concat_ws(' ', k.display_name, k.phone, k.username,
        k.email, k.external_id, k.user_id)) || ('@' || k.external_id)) as word
    where taken.message_id is null
), kept as (
    -- In one order, so that two replicas never wait for each other.
    insert into conversation_words (tenant_id, word, conversation_id)
    select found.tenant_id, found.word, found.conversation_id
    from found
    order by found.tenant_id, found.word, found.conversation_id
    on conflict do nothing
)
select count(*) from taken

-- name: forget_presences
-- Signs that ran out.
delete from presences where until < clock_timestamp() - make_interval(secs => 60)

-- name: person_spoke
-- The person who was promised is there.
update conversations set person_awaited_since = null
where tenant_id = $1::uuid and conversation_id = $2::uuid and person_awaited_since is not null

-- name: keep_language
-- The language in which the customer writes, unless a person said it.
update conversations
set language = $3::text, language_by = 'customer'
where tenant_id = $1::uuid and conversation_id = $2::uuid
    and language_by is distinct from 'person'

-- name: say_beside
-- Say something that answers nothing of what the customer said.
with placed as (
    update conversations c
    set last_seq = c.last_seq + 1, last_message_at = clock_timestamp(),
        previous_send_seq = c.last_send_seq, last_send_seq = c.last_seq + 1,
        away_until = coalesce($6::timestamptz, c.away_until)
    where c.tenant_id = $1::uuid and c.conversation_id = $2::uuid
    returning c.last_seq, c.last_message_at, c.previous_send_seq
), said as (
    insert into messages (message_id, tenant_id, conversation_id, seq, role, text, send_id,
        delivery, created_at)
    select $3::uuid, $1::uuid, $2::uuid, placed.last_seq, 'system', $4::text, $5::uuid, 'planned',
        placed.last_message_at
    from placed
)
select placed.last_seq as seq, placed.last_message_at as created_at, placed.previous_send_seq
from placed

-- name: rating_facts
-- Whether a conversation that ended may be asked about: when the customer wrote last, and whether
-- anybody answered since they were asked before.
select customers.created_at as customer_wrote_at, clock_timestamp() as now,
    exists (select from messages m
        where m.tenant_id = $1::uuid and m.conversation_id = $2::uuid
            and m.role in ('bot', 'agent') and m.seq > coalesce(c.rating_asked_seq, 0)) as answered
from conversations c
join messages customers on customers.tenant_id = c.tenant_id
    and customers.conversation_id = c.conversation_id and customers.seq = c.last_customer_seq
where c.tenant_id = $1::uuid and c.conversation_id = $2::uuid

-- name: note_rating_asked
-- The customer was asked how content they are.
update conversations
set rating_asked_seq = $3::bigint, rating_asked_at = $4::timestamptz
where tenant_id = $1::uuid and conversation_id = $2::uuid

-- name: keep_rating
-- Keep what the customer said; answers who spoke to them last.
with last_answer as (
    select m.role, m.author from messages m
    where m.tenant_id = $1::uuid and m.conversation_id = $2::uuid and m.role in ('bot', 'agent')
    order by m.seq desc
    limit 1
), person as (
    select (select author from last_answer where role = 'agent') as assignee
), kept as (
    insert into ratings (rating_id, tenant_id, conversation_id, score, comment, assignee)
    select $3::uuid, $1::uuid, $2::uuid, $4::smallint, $5::text, person.assignee
    from person
    on conflict (tenant_id, rating_id) do nothing
), shown as (
    update conversations set rating = $4::smallint
    where tenant_id = $1::uuid and conversation_id = $2::uuid
)
select assignee from person
