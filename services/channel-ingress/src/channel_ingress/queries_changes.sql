-- name: lock_states
-- Make and lock the states of messages, in the order of their keys.
insert into message_states as known
    (channel_id, provider_message_id, tenant_id, channel_type, conversation_id, changes)
select channel_id, provider_message_id, tenant_id, channel_type, conversation_id, $6::text
from unnest($1::uuid[], $2::text[], $3::uuid[], $4::text[], $5::uuid[])
     as said(channel_id, provider_message_id, tenant_id, channel_type, conversation_id)
order by channel_id, provider_message_id
on conflict (channel_id, provider_message_id) do update set
    conversation_id = coalesce(known.conversation_id, excluded.conversation_id)
returning channel_id, provider_message_id, tenant_id, channel_type, conversation_id,
          recorded_message_id, revision, changes, is_known, said_as_orphan,
          first_heard_at < now() - make_interval(secs => $7::float8) as is_old;

-- name: lock_parked
-- Lock the states that wait for one of these messages.
select states.channel_id, states.provider_message_id, states.tenant_id, states.channel_type,
       states.conversation_id, states.recorded_message_id, states.revision, states.changes,
       states.is_known, states.said_as_orphan,
       states.first_heard_at < now() - make_interval(secs => $3::float8) as is_old
from unnest($1::uuid[], $2::text[]) as come(channel_id, provider_message_id)
join message_states as states
    on states.channel_id = come.channel_id
   and states.provider_message_id = come.provider_message_id
where not states.is_known
order by states.channel_id, states.provider_message_id
for update of states;

-- name: take_due_states
-- Lock waiting states whose look is due; the next one comes after as long again, at most an hour,
-- and at the moment in which they become orphans; none after a week. A message that comes later
-- still finds them.
with due as (
    select channel_id, provider_message_id
    from message_states
    where not is_known and next_look_at <= now()
    order by next_look_at
    limit 500
    for update skip locked
)
update message_states as states
set next_look_at = case when states.first_heard_at < now() - interval '7 days' then 'infinity'
                        else least(
    now() + least(now() - states.first_heard_at, interval '1 hour'),
    case when states.first_heard_at + make_interval(secs => $1::float8) > now()
         then states.first_heard_at + make_interval(secs => $1::float8) end
) end
from due
where states.channel_id = due.channel_id
  and states.provider_message_id = due.provider_message_id
returning states.channel_id, states.provider_message_id, states.tenant_id, states.channel_type,
          states.conversation_id, states.recorded_message_id, states.revision, states.changes,
          states.is_known, states.said_as_orphan,
          states.first_heard_at <= now() - make_interval(secs => $1::float8) as is_old;

-- name: keep_changes
-- Keep changes once each.
insert into message_changes
    (channel_id, provider_message_id, tenant_id, digest, what, said_by, person, at, words)
select channel_id, provider_message_id, tenant_id, digest, what, said_by, person, at, words
from unnest($1::uuid[], $2::text[], $3::uuid[], $4::bytea[], $5::text[], $6::text[], $7::text[],
            $8::timestamptz[], $9::text[])
     as said(channel_id, provider_message_id, tenant_id, digest, what, said_by, person, at, words)
on conflict do nothing;

-- name: changes_of
-- Every change of these messages.
select changes.channel_id, changes.provider_message_id, changes.what, changes.said_by,
       changes.person, changes.at, coalesce(changes.words, '') as words
from unnest($1::uuid[], $2::text[]) as wanted(channel_id, provider_message_id)
join message_changes as changes
    on changes.channel_id = wanted.channel_id
   and changes.provider_message_id = wanted.provider_message_id;

-- name: find_messages
-- Which of these messages have come (an echo may be kept under a key of its own), or were sent by
-- us: then with their conversation and our id.
select wanted.channel_id, wanted.provider_message_id, sends.conversation_id,
       sends.recorded_message_id
from unnest($1::uuid[], $2::text[], $3::text[])
     as wanted(channel_id, provider_message_id, echo_key)
left join sent_parts as parts
    on parts.channel_id = wanted.channel_id
   and parts.provider_message_id = wanted.provider_message_id
left join sends on sends.send_id = parts.send_id
where parts.send_id is not null or exists (
    select 1
    from inbound_items as items
    where items.channel_id = wanted.channel_id
      and items.provider_key in (wanted.provider_message_id, wanted.echo_key)
);

-- name: update_states
-- Write locked states back.
update message_states as states
set conversation_id = said.conversation_id,
    recorded_message_id = said.recorded_message_id,
    revision = said.revision,
    changes = said.changes,
    is_known = said.is_known,
    said_as_orphan = said.said_as_orphan
from unnest($1::uuid[], $2::text[], $3::uuid[], $4::uuid[], $5::int[], $6::text[], $7::boolean[],
            $8::boolean[])
     as said(channel_id, provider_message_id, conversation_id, recorded_message_id, revision,
             changes, is_known, said_as_orphan)
where states.channel_id = said.channel_id
  and states.provider_message_id = said.provider_message_id;

-- name: parked_count
-- Messages whose changes came and that have not come themselves.
select count(*)::bigint
from message_states
where not is_known;
