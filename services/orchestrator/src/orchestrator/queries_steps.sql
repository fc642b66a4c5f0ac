-- name: message_in_its_turns
-- A message, and the turns that are about it: those that answer it, or the one that wrote it.
select m.seq, m.role, m.created_at, m.sent_at, m.provider_message_id, m.turn_id, m.send_id,
    m.delivery, m.delivery_code, m.delivery_detail, c.channel_id, c.contact_external_id
from messages m
join conversations c on c.tenant_id = $1::uuid and c.conversation_id = m.conversation_id
where m.tenant_id = $1::uuid and m.conversation_id = $2::uuid and m.message_id = $3::uuid

-- name: turns_about
-- Turns over a place, or the turn with an id, the oldest first, with the messages that they wrote.
select turns.turn_id, turns.first_seq, turns.last_seq, turns.attempt, turns.outcome,
    turns.started_at, turns.ended_at, turns.evidence - 'prompt' - 'passages' - 'earlier' as evidence,
    said.message_id as said_id, said.seq as said_seq, said.send_id as said_send_id,
    said.created_at as said_at, said.delivery as said_delivery,
    said.delivery_code as said_code
from turns
left join messages said on said.tenant_id = $1::uuid
    and said.message_id = turns.recorded_message_id
where turns.tenant_id = $1::uuid and turns.conversation_id = $2::uuid
    and (turns.turn_id = $4::uuid or (turns.first_seq <= $3::bigint and turns.last_seq >= $3::bigint))
order by turns.first_seq, turns.started_at
limit 20
