-- name: keep_heard_words
-- The words of a voice note, once somebody has listened; words that are there stay.
update messages set text = $4::text
where tenant_id = $1::uuid and conversation_id = $2::uuid and seq = $3::bigint and text = ''
