-- name: save_tenant
-- Keep a tenant's configuration unless a newer revision is here already.
insert into tenants (tenant_id, revision, name, state, settings, slug)
values ($1::uuid, $2::bigint, $3::text, $4::text, $5::jsonb, $6::text)
on conflict (tenant_id) do update
set revision = excluded.revision, name = excluded.name, state = excluded.state,
    settings = excluded.settings, slug = excluded.slug, heard_at = now()
where tenants.revision < excluded.revision or tenants.slug is null

-- name: save_channel
-- Keep a channel's configuration unless a newer revision is here already.
insert into channels (channel_id, tenant_id, revision, channel_type, name, state)
values ($1::uuid, $2::uuid, $3::bigint, $4::text, $5::text, $6::text)
on conflict (channel_id) do update
set revision = excluded.revision, channel_type = excluded.channel_type, name = excluded.name,
    state = excluded.state, heard_at = now()
where channels.revision < excluded.revision and channels.tenant_id = excluded.tenant_id

-- name: any_tenant
-- Whether configuration was ever heard, and all that this version keeps of it.
select exists (select from tenants) and not exists (select from tenants where slug is null)

-- name: find_settings
-- A tenant's settings and their revision.
select revision, settings from tenants where tenant_id = $1::uuid

-- name: find_revision
-- The revision of a tenant's settings.
select revision from tenants where tenant_id = $1::uuid

-- name: find_own_revision
-- The number that rises with what is kept here for a tenant's turns.
select own_revision from tenants where tenant_id = $1::uuid

-- name: raise_own_revision
-- Something that a tenant's turns are made of was changed here.
update tenants set own_revision = own_revision + 1 where tenant_id = $1::uuid

-- name: begin_conversation
-- Make the contact and its conversation where they are missing; nothing if the channel is unknown.
with known as (
    select channels.channel_id from channels
    join tenants on tenants.tenant_id = channels.tenant_id
    where channels.tenant_id = $1::uuid and channels.channel_id = $4::uuid
), contact as (
    insert into contacts (contact_id, tenant_id, channel_id, external_id, display_name, phone,
        book_contact_id, user_id, username, email)
    select $3::uuid, $1::uuid, known.channel_id, $6::text, $7::text, $8::text, $13::uuid,
        $14::text, $15::text, $16::text
    from known
    on conflict do nothing
)
insert into conversations (conversation_id, tenant_id, channel_id, channel_type, contact_id,
    contact_external_id, status, owner_kind, assignee, ownership_number)
select $2::uuid, $1::uuid, known.channel_id, $5::text, $3::uuid, $6::text,
    $9::text, $10::text, $11::text, $12::bigint
from known
on conflict (conversation_id) do nothing

-- name: lock_conversation
-- A conversation under its row lock, with what a decision about it needs.
select c.conversation_id, c.tenant_id, c.channel_id, c.channel_type, c.contact_id,
    c.contact_external_id, c.status, c.owner_kind, c.assignee, c.ownership_number, c.last_seq,
    c.last_customer_seq, c.last_answered_seq, c.created_at, c.last_message_at, c.language,
    c.language_by, c.away_until, c.rating_asked_seq, c.rating_asked_at,
    contacts.display_name, contacts.phone, contacts.book_contact_id, contacts.user_id,
    contacts.username, contacts.email, channels.state as channel_state,
    tenants.state as tenant_state, tenants.revision as tenant_revision
from conversations c
join contacts on contacts.tenant_id = c.tenant_id and contacts.contact_id = c.contact_id
join channels on channels.tenant_id = c.tenant_id and channels.channel_id = c.channel_id
join tenants on tenants.tenant_id = c.tenant_id
where c.tenant_id = $1::uuid and c.conversation_id = $2::uuid
for update of c

-- name: save_contact
-- Keep who the customer is by now.
update contacts
set display_name = $3::text, phone = $4::text, book_contact_id = $5::uuid, user_id = $6::text,
    username = $7::text, email = $8::text, updated_at = now()
where tenant_id = $1::uuid and contact_id = $2::uuid

-- name: record_customer_message
-- Give a customer's message the next place, unless it has one; no row when it was a repeat.
with recorded as (
    insert into messages (message_id, tenant_id, conversation_id, seq, role, author, text, content,
        provider_message_id, client_message_id, delivery, sent_at, created_at, reply_to)
    select $3::uuid, c.tenant_id, c.conversation_id, c.last_seq + 1, 'customer', null, $4::text,
        $5::jsonb, $6::text, $7::text, 'none', $8::timestamptz, clock_timestamp(), $15::text
    from conversations c
    where c.tenant_id = $1::uuid and c.conversation_id = $2::uuid
    on conflict (message_id) do nothing
    returning seq, created_at
)
update conversations c
set last_seq = recorded.seq, last_message_at = recorded.created_at, status = $9::text,
    owner_kind = $10::text, assignee = $11::text, ownership_number = $12::bigint,
    -- Where nothing waits, all before it is answered; a quiet message is so itself. Where something
    -- waits, a quiet one changes nothing: it neither takes the answer away nor asks for one more.
    last_answered_seq = case when c.last_answered_seq < c.last_customer_seq
        then c.last_answered_seq when $16::boolean then recorded.seq else recorded.seq - 1 end,
    last_customer_seq = case when $16::boolean and c.last_answered_seq < c.last_customer_seq
        then c.last_customer_seq else recorded.seq end,
    -- A turn that waits for the rest of a burst begins later (or sooner) with each message; one
    -- that waits to be tried again does not.
    turn_due_at = case when $16::boolean then c.turn_due_at when $13::boolean then
        case when c.turn_due_at is null or ($14::float8 > 0
            and (c.turn_attempts = 0 or c.lease_until > clock_timestamp()))
        then recorded.created_at + make_interval(secs => $14::float8) else c.turn_due_at end end
from recorded
where c.tenant_id = $1::uuid and c.conversation_id = $2::uuid
returning recorded.seq, recorded.created_at

-- name: first_unanswered
-- Place of the first customer's message that nobody answered.
select min(messages.seq)
from conversations c
join messages on messages.conversation_id = c.conversation_id
where c.tenant_id = $1::uuid and c.conversation_id = $2::uuid
    and messages.tenant_id = $1::uuid and messages.role = 'customer'
    and messages.seq > c.last_answered_seq

-- name: record_echo
-- Record what the business said by another way; no row when it was a repeat. Unless it is history,
-- it answers all the customer said so far.
with recorded as (
    insert into messages (message_id, tenant_id, conversation_id, seq, role, author, text, content,
        provider_message_id, delivery, sent_at, created_at)
    select $3::uuid, c.tenant_id, c.conversation_id, c.last_seq + 1, 'agent', $4::text, $5::text,
        $6::jsonb, $7::text, 'accepted', $8::timestamptz, clock_timestamp()
    from conversations c
    where c.tenant_id = $1::uuid and c.conversation_id = $2::uuid
    on conflict (message_id) do nothing
    returning seq, created_at
)
update conversations c
set last_seq = recorded.seq, last_message_at = recorded.created_at, status = $9::text,
    owner_kind = $10::text, assignee = $11::text, ownership_number = $12::bigint,
    last_answered_seq = case when $13::boolean then c.last_answered_seq
        else c.last_customer_seq end,
    turn_due_at = case when $13::boolean then c.turn_due_at end,
    turn_attempts = case when $13::boolean then c.turn_attempts else 0 end
from recorded
where c.tenant_id = $1::uuid and c.conversation_id = $2::uuid
returning recorded.seq, recorded.created_at

-- name: append_message
-- Say something beside the bot's turns: it answers all the customer said so far.
with placed as (
    update conversations c
    set last_seq = c.last_seq + 1, last_answered_seq = c.last_customer_seq,
        last_message_at = clock_timestamp(), turn_due_at = null, turn_attempts = 0,
        status = $9::text, owner_kind = $10::text, assignee = $11::text,
        ownership_number = $12::bigint, previous_send_seq = c.last_send_seq,
        last_send_seq = c.last_seq + 1
    where c.tenant_id = $1::uuid and c.conversation_id = $2::uuid
    returning c.last_seq, c.last_message_at, c.previous_send_seq
), said as (
    insert into messages (message_id, tenant_id, conversation_id, seq, role, author, text, turn_id,
        send_id, delivery, created_at, extras, reply_to)
    select $3::uuid, $1::uuid, $2::uuid, placed.last_seq, $4::text, $5::text, $6::text, $7::uuid,
        $8::uuid, 'planned', placed.last_message_at, $13::jsonb, $14::text
    from placed
)
select placed.last_seq as seq, placed.last_message_at as created_at, placed.previous_send_seq
from placed

-- name: save_standing
-- Change who answers; a bot that gets it back goes on with what nobody answered. What is over needs
-- no answer any more.
update conversations c
set status = $3::text, owner_kind = $4::text, assignee = $5::text, ownership_number = $6::bigint,
    last_answered_seq = case when $3::text in ('resolved', 'closed')
        then c.last_customer_seq else c.last_answered_seq end,
    turn_due_at = case when $4::text = 'bot' and $3::text not in ('resolved', 'closed')
        and c.last_customer_seq > c.last_answered_seq
        then coalesce(c.turn_due_at, clock_timestamp()) end,
    turn_attempts = 0
where c.tenant_id = $1::uuid and c.conversation_id = $2::uuid
returning c.turn_due_at is not null as turn_due

-- name: note_thread_news
-- Note when Messenger's thread moved; no row if something newer is known of it.
update conversations
set thread_changed_at = $3::timestamptz
where tenant_id = $1::uuid and conversation_id = $2::uuid
    and (thread_changed_at is null or thread_changed_at <= $3::timestamptz)
returning 1

-- name: answered_until
-- Count what the customer said so far as answered.
update conversations
set last_answered_seq = last_customer_seq, turn_due_at = null, turn_attempts = 0
where tenant_id = $1::uuid and conversation_id = $2::uuid

-- name: hold_conversation
-- Lock a conversation's row, so that the next statement's snapshot sees all its messages.
select 1 from conversations
where tenant_id = $1::uuid and conversation_id = $2::uuid
for update

-- name: take_lease
-- Become the one worker of a conversation that has something to answer; no row if somebody is.
-- The row is locked already: a statement that had to wait here would not see the newest messages.
with leased as (
    update conversations c
    set lease_epoch = c.lease_epoch + 1, turn_attempts = c.turn_attempts + 1,
        lease_until = clock_timestamp() + make_interval(secs => $3::float8)
    where c.tenant_id = $1::uuid and c.conversation_id = $2::uuid and c.owner_kind = 'bot'
        and c.turn_due_at <= clock_timestamp()
        and (c.lease_until is null or c.lease_until <= clock_timestamp())
    returning c.channel_id, c.channel_type, c.contact_external_id, c.ownership_number,
        c.lease_epoch, c.turn_attempts, c.last_customer_seq, c.last_answered_seq
)
select leased.channel_id, leased.channel_type, leased.contact_external_id,
    leased.ownership_number, leased.lease_epoch, leased.turn_attempts,
    leased.last_customer_seq, clock_timestamp() as leased_at, tenants.revision,
    tenants.own_revision, unanswered.first_seq, coalesce(thrown_away.superseded, 0) as superseded,
    case when thrown_away.superseded > 0 then thrown_away.started_at end as begun_at,
    (select messages.provider_message_id from messages
     where messages.tenant_id = $1::uuid and messages.conversation_id = $2::uuid
        and messages.seq = leased.last_customer_seq) as newest_provider_message_id,
    (select json_agg(json_build_array(recent.seq, recent.role, recent.text, recent.content,
        recent.media)
        order by recent.seq)
     from (select messages.seq, messages.role, messages.text, messages.content,
            case when messages.content is not null then (select k.media from message_media k
                where k.message_id = messages.message_id order by k.heard_at desc limit 1)
            end as media
        from messages
        where messages.tenant_id = $1::uuid and messages.conversation_id = $2::uuid
            and messages.seq > leased.last_answered_seq - $4::int
            -- What was refused because a person had taken over was never said.
            and messages.delivery_code is distinct from 'stale_ownership'
        order by messages.seq desc limit $5::int) as recent) as messages
from leased
join tenants on tenants.tenant_id = $1::uuid
cross join lateral (
    select min(messages.seq) as first_seq from messages
    where messages.tenant_id = $1::uuid and messages.conversation_id = $2::uuid
        and messages.role = 'customer' and messages.seq > leased.last_answered_seq
) as unanswered
left join turns as thrown_away on thrown_away.conversation_id = $2::uuid
    and thrown_away.first_seq = unanswered.first_seq

-- name: renew_leases
-- Keep the leases that are still mine; conversations that do not come back are somebody else's.
with mine as (
    select held.conversation_id, held.lease_epoch
    from unnest($1::uuid[], $2::bigint[]) as held (conversation_id, lease_epoch)
), held as (
    -- One that was given back this very moment must stay free. Rows are locked in the order in
    -- which messages are placed, so that neither ever waits for the other.
    select c.conversation_id
    from conversations c
    join mine on mine.conversation_id = c.conversation_id and mine.lease_epoch = c.lease_epoch
    where c.lease_until is not null
    order by c.conversation_id
    for update of c
), renewed as (
    update conversations c
    set lease_until = clock_timestamp() + make_interval(secs => $3::float8)
    from held
    where c.conversation_id = held.conversation_id
)
select c.conversation_id
from conversations c
join mine on mine.conversation_id = c.conversation_id and mine.lease_epoch = c.lease_epoch

-- name: commit_reply
-- Say a turn's one reply, if lease and ownership still hold; no row, and nothing written, if not.
with guarded as (
    update conversations c
    set last_seq = c.last_seq + 1, last_answered_seq = $8::bigint, lease_until = null,
        turn_attempts = 0, last_message_at = clock_timestamp(),
        turn_due_at = case when c.last_customer_seq > $8::bigint then clock_timestamp() end,
        previous_send_seq = c.last_send_seq, last_send_seq = c.last_seq + 1
    where c.tenant_id = $1::uuid and c.conversation_id = $2::uuid and c.lease_epoch = $3::bigint
        and c.ownership_number = $4::bigint and c.owner_kind = 'bot'
        and c.last_answered_seq < $8::bigint
        -- A run that may still be begun anew says nothing while something newer is there.
        and (not $16::boolean or c.last_customer_seq = $8::bigint)
    returning c.last_seq, c.last_message_at, c.turn_due_at is not null as more_waiting,
        c.previous_send_seq
), recorded as (
    insert into messages (message_id, tenant_id, conversation_id, seq, role, text, citations,
        turn_id, send_id, delivery, created_at)
    select $6::uuid, $1::uuid, $2::uuid, guarded.last_seq, 'bot', $9::text, $10::jsonb,
        $5::uuid, $11::uuid, 'planned', guarded.last_message_at
    from guarded
), kept as (
    insert into turns (turn_id, tenant_id, conversation_id, first_seq, last_seq, lease_epoch,
        attempt, outcome, recorded_message_id, evidence, started_at, ended_at)
    select $5::uuid, $1::uuid, $2::uuid, $7::bigint, $8::bigint, $3::bigint, $12::int, $13::text,
        $6::uuid, $14::jsonb, $15::timestamptz, guarded.last_message_at
    from guarded
    on conflict (turn_id) do update
    set last_seq = excluded.last_seq, lease_epoch = excluded.lease_epoch,
        attempt = excluded.attempt, outcome = excluded.outcome,
        recorded_message_id = excluded.recorded_message_id, ended_at = excluded.ended_at,
        evidence = excluded.evidence
            || case when turns.evidence ? 'thrown_away' then jsonb_build_object(
                'thrown_away', turns.evidence -> 'thrown_away') else '{}'::jsonb end
            || case when turns.evidence - 'thrown_away' = '{}'::jsonb then '{}'::jsonb
                else jsonb_build_object('earlier', turns.evidence - 'thrown_away') end
    where turns.outcome in ('retrying', 'suppressed')
)
select last_seq, last_message_at, more_waiting, previous_send_seq from guarded

-- name: release_lease
-- Give the lease back without an answer; no row if it is not mine any more.
update conversations c
set lease_until = null,
    turn_attempts = greatest(c.turn_attempts - $4::int, 0),
    turn_due_at = case when c.turn_due_at is not null and $5::float8 > 0
        then clock_timestamp() + make_interval(secs => $5::float8) else c.turn_due_at end
where c.tenant_id = $1::uuid and c.conversation_id = $2::uuid and c.lease_epoch = $3::bigint
returning c.turn_due_at is not null as more_waiting

-- name: keep_turn
-- Keep what became of a turn that said nothing (or that another than the bot answered).
insert into turns (turn_id, tenant_id, conversation_id, first_seq, last_seq, lease_epoch, attempt,
    outcome, recorded_message_id, evidence, started_at, ended_at)
values ($1::uuid, $2::uuid, $3::uuid, $4::bigint, $5::bigint, $6::bigint, $7::int, $8::text,
    $9::uuid, $10::jsonb, $11::timestamptz, clock_timestamp())
on conflict (turn_id) do update
set last_seq = excluded.last_seq, lease_epoch = excluded.lease_epoch, attempt = excluded.attempt,
    outcome = excluded.outcome, recorded_message_id = excluded.recorded_message_id,
    ended_at = excluded.ended_at,
    evidence = excluded.evidence
            || case when turns.evidence ? 'thrown_away' then jsonb_build_object(
                'thrown_away', turns.evidence -> 'thrown_away') else '{}'::jsonb end
            || case when turns.evidence - 'thrown_away' = '{}'::jsonb then '{}'::jsonb
                else jsonb_build_object('earlier', turns.evidence - 'thrown_away') end
where turns.outcome = 'retrying'
    or (turns.outcome = 'suppressed' and excluded.outcome <> 'suppressed')
returning turn_id

-- name: due_conversations
-- Conversations that nobody works on although something waits for an answer.
select tenant_id, conversation_id
from conversations
where turn_due_at <= clock_timestamp()
    and (lease_until is null or lease_until <= clock_timestamp())
order by turn_due_at
limit $1::int
for update skip locked

-- name: advance_delivery
-- Take messages further where the state here is one before the news; keep what is told beside it.
update messages
set delivery = case when delivery = any($5::text[]) then $3::text else delivery end,
    delivery_code = case when delivery = any($5::text[]) then $4::text else delivery_code end,
    delivery_detail = case when delivery = any($5::text[]) then $6::text else delivery_detail end,
    plan = coalesce($7::jsonb, plan),
    price = coalesce($8::jsonb, price),
    provider_message_id = coalesce(provider_message_id, $9::text)
where tenant_id = $1::uuid and message_id = $2::uuid
    and (delivery = any($5::text[]) or $7::jsonb is not null or $8::jsonb is not null
        or ($9::text is not null and provider_message_id is null))

-- name: note_delay
-- Why a message that has not gone out yet has to wait.
update messages
set delivery_code = $3::text, delivery_detail = $4::text
where tenant_id = $1::uuid and message_id = $2::uuid and delivery in ('planned', 'attempting')

-- name: keep_changes
-- Keep what became of a message, unless something newer is here.
insert into message_changes (message_id, provider_message_id, tenant_id, revision, changes)
values ($1::uuid, $2::text, $3::uuid, $4::bigint, $5::jsonb)
on conflict (message_id, provider_message_id) do update
set revision = excluded.revision, changes = excluded.changes, heard_at = now()
where message_changes.revision < excluded.revision

-- name: keep_media
-- Keep what became of a file; once it is stored it stays so.
insert into message_media (message_id, media_id, tenant_id, media)
values ($1::uuid, $2::uuid, $3::uuid, $4::jsonb)
on conflict (message_id, media_id) do update
set media = excluded.media, heard_at = now()
where message_media.media ->> 'state' is distinct from 'stored'

-- name: visitor_conversation
-- The newest conversation of a contact of a channel, and its last place.
select conversation_id, last_seq
from conversations
where tenant_id = $1::uuid and channel_id = $2::uuid and contact_external_id = $3::text
order by created_at desc
limit 1

-- name: conversation_last_seq
-- A conversation's last place; no row if there is no such conversation.
select last_seq from conversations where tenant_id = $1::uuid and conversation_id = $2::uuid

-- name: list_messages
-- Messages after a place, in order.
select m.message_id, m.seq, m.role, m.text, m.content, m.citations, m.created_at,
    m.client_message_id, m.turn_id, m.delivery, m.delivery_code, m.delivery_detail, m.author,
    m.provider_message_id, m.reply_to, m.extras, m.plan, m.price, m.sent_at,
    (select k.media from message_media k where k.message_id = m.message_id
     order by k.heard_at desc limit 1) as media,
    (select k.changes from message_changes k where k.message_id = m.message_id
     order by k.revision desc limit 1) as changes
from messages m
where m.tenant_id = $1::uuid and m.conversation_id = $2::uuid and m.seq > $3::bigint
order by m.seq
limit $4::int

-- name: find_message
-- One message.
select m.message_id, m.seq, m.role, m.text, m.content, m.citations, m.created_at,
    m.client_message_id, m.turn_id, m.delivery, m.delivery_code, m.delivery_detail, m.author,
    m.provider_message_id, m.reply_to, m.extras, m.plan, m.price, m.sent_at,
    (select k.media from message_media k where k.message_id = m.message_id
     order by k.heard_at desc limit 1) as media,
    (select k.changes from message_changes k where k.message_id = m.message_id
     order by k.revision desc limit 1) as changes
from messages m
where m.tenant_id = $1::uuid and m.message_id = $2::uuid

-- name: list_turns
-- Turns of a conversation with their evidence, the newest first; $3 and $4 choose one.
select turn_id, conversation_id, first_seq, last_seq, attempt, outcome, recorded_message_id,
    evidence, started_at, ended_at
from turns
where tenant_id = $1::uuid and conversation_id = $2::uuid
    and ($3::uuid is null or turn_id = $3::uuid)
    and ($4::uuid is null or recorded_message_id = $4::uuid)
order by first_seq desc
limit $5::int
