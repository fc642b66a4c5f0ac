-- name: plan_for_these_filters
-- Plan the list for the filters that are given, not for all of them together.
set local plan_cache_mode = force_custom_plan

-- name: find_conversation
-- A conversation as the API shows it.
select c.conversation_id, c.channel_id, c.channel_type, c.contact_external_id,
    contacts.display_name, contacts.phone, contacts.book_contact_id, contacts.user_id,
    contacts.username, contacts.email, c.status, c.owner_kind, c.assignee,
    c.ownership_number, c.last_seq, c.created_at, c.last_message_at, c.tags, c.language,
    c.metadata, c.snoozed_until, c.waiting_since, c.rating, c.brief, said.last_text, said.role
from conversations c
join contacts on contacts.tenant_id = c.tenant_id and contacts.contact_id = c.contact_id
left join lateral (
    select left(m.text, 200) as last_text, m.role from messages m
    where m.tenant_id = c.tenant_id and m.conversation_id = c.conversation_id
        and m.seq = c.last_seq
) said on true
where c.tenant_id = $1::uuid and c.conversation_id = $2::uuid

-- name: list_newest
-- A page of conversations, the newest first, after (time, id) of the page before. Words of three
-- letters and more are found by their beginning.
with wanted as (
    select word as low, word || case when char_length(word) >= 3 then U&'\+10FFFF' else chr(1) end
        as high
    from unnest(chat_search_words($8::text)) as word
    union all select '#' || $9::text, '#' || $9::text || chr(1) where $9::text is not null
    union all select '@' || $10::text, '@' || $10::text || chr(1) where $10::text is not null
), hits as materialized (
    select k.conversation_id
    from wanted
    join conversation_words k
        on k.tenant_id = $1::uuid and k.word >= wanted.low and k.word < wanted.high
    group by k.conversation_id
    having count(distinct wanted.low) = (select count(*) from wanted)
), page as materialized (
    select c.*
    from conversations c
    where c.tenant_id = $1::uuid
        and ($2::text is null or c.status = $2::text)
        and ($3::uuid is null or c.channel_id = $3::uuid)
        and ($7::text is null or c.owner_kind = $7::text)
        and ($11::text is null or (c.owner_kind = 'human' and (c.assignee = $11::text
            or ($11::text = '-' and c.assignee is null))))
        and ($12::boolean is null or (c.waiting_since is not null) = $12::boolean)
        and ($8::text is null and $9::text is null and $10::text is null
            or c.conversation_id in (select hits.conversation_id from hits))
        and ($4::timestamptz is null
            or c.last_message_at < $4::timestamptz
            or (c.last_message_at = $4::timestamptz and c.conversation_id > $5::uuid))
    order by c.last_message_at desc, c.conversation_id
    limit $6::int
)
select c.conversation_id, c.channel_id, c.channel_type, c.contact_external_id,
    contacts.display_name, contacts.phone, contacts.book_contact_id, contacts.user_id,
    contacts.username, contacts.email, c.status, c.owner_kind, c.assignee,
    c.ownership_number, c.last_seq, c.created_at, c.last_message_at, c.tags, c.language,
    c.metadata, c.snoozed_until, c.waiting_since, c.rating, c.brief, said.last_text, said.role
from page c
join contacts on contacts.tenant_id = c.tenant_id and contacts.contact_id = c.contact_id
left join lateral (
    select left(m.text, 200) as last_text, m.role from messages m
    where m.tenant_id = c.tenant_id and m.conversation_id = c.conversation_id
        and m.seq = c.last_seq
) said on true
order by c.last_message_at desc, c.conversation_id

-- name: list_longest_waiting
-- The same of those where a customer waits for an answer, who has waited longest first.
with wanted as (
    select word as low, word || case when char_length(word) >= 3 then U&'\+10FFFF' else chr(1) end
        as high
    from unnest(chat_search_words($8::text)) as word
    union all select '#' || $9::text, '#' || $9::text || chr(1) where $9::text is not null
    union all select '@' || $10::text, '@' || $10::text || chr(1) where $10::text is not null
), hits as materialized (
    select k.conversation_id
    from wanted
    join conversation_words k
        on k.tenant_id = $1::uuid and k.word >= wanted.low and k.word < wanted.high
    group by k.conversation_id
    having count(distinct wanted.low) = (select count(*) from wanted)
), page as materialized (
    select c.*
    from conversations c
    where c.tenant_id = $1::uuid and c.waiting_since is not null
        and ($2::text is null or c.status = $2::text)
        and ($3::uuid is null or c.channel_id = $3::uuid)
        and ($7::text is null or c.owner_kind = $7::text)
        and ($11::text is null or (c.owner_kind = 'human' and (c.assignee = $11::text
            or ($11::text = '-' and c.assignee is null))))
        and coalesce($12::boolean, true)
        and ($8::text is null and $9::text is null and $10::text is null
            or c.conversation_id in (select hits.conversation_id from hits))
        and ($4::timestamptz is null
            or c.waiting_since > $4::timestamptz
            or (c.waiting_since = $4::timestamptz and c.conversation_id > $5::uuid))
    order by c.waiting_since, c.conversation_id
    limit $6::int
)
select c.conversation_id, c.channel_id, c.channel_type, c.contact_external_id,
    contacts.display_name, contacts.phone, contacts.book_contact_id, contacts.user_id,
    contacts.username, contacts.email, c.status, c.owner_kind, c.assignee,
    c.ownership_number, c.last_seq, c.created_at, c.last_message_at, c.tags, c.language,
    c.metadata, c.snoozed_until, c.waiting_since, c.rating, c.brief, said.last_text, said.role
from page c
join contacts on contacts.tenant_id = c.tenant_id and contacts.contact_id = c.contact_id
left join lateral (
    select left(m.text, 200) as last_text, m.role from messages m
    where m.tenant_id = c.tenant_id and m.conversation_id = c.conversation_id
        and m.seq = c.last_seq
) said on true
order by c.waiting_since, c.conversation_id

-- name: keep_facts
-- What people and integrators keep with a conversation; null keeps what is there.
update conversations
set tags = coalesce($3::text[], tags), metadata = coalesce($4::json, metadata),
    language = coalesce($5::text, language),
    language_by = case when $5::text is null then language_by else 'person' end,
    snoozed_until = coalesce($6::timestamptz, snoozed_until)
where tenant_id = $1::uuid and conversation_id = $2::uuid

-- name: forget_tags
-- The tags by which a conversation is found, before they change.
delete from conversation_words k
using conversations c
where c.tenant_id = $1::uuid and c.conversation_id = $2::uuid
    and k.tenant_id = $1::uuid and k.conversation_id = $2::uuid
    and k.word = any(array(select '#' || tag from unnest(c.tags) as tag))

-- name: find_by_tags
-- Let a conversation be found by its tags.
insert into conversation_words (tenant_id, word, conversation_id)
select $1::uuid, '#' || tag, $2::uuid from unnest($3::text[]) as tag
on conflict do nothing

-- name: last_said
-- Who said the last message of a conversation.
select m.role, m.author from messages m
join conversations c on c.conversation_id = m.conversation_id and c.last_seq = m.seq
where m.tenant_id = $1::uuid and c.tenant_id = $1::uuid and c.conversation_id = $2::uuid

-- name: add_note
-- Write a note; no row when it was a repeat.
insert into notes (note_id, tenant_id, conversation_id, after_seq, author, text)
select $3::uuid, c.tenant_id, c.conversation_id, c.last_seq, $4::text, $5::text
from conversations c
where c.tenant_id = $1::uuid and c.conversation_id = $2::uuid
on conflict (tenant_id, note_id) do nothing
returning note_id, conversation_id, after_seq, author, text, created_at

-- name: find_note
-- One note.
select note_id, conversation_id, after_seq, author, text, created_at
from notes
where tenant_id = $1::uuid and note_id = $2::uuid

-- name: list_notes
-- The newest notes of a conversation, in the order in which they were written.
select note_id, conversation_id, after_seq, author, text, created_at
from (
    select note_id, conversation_id, after_seq, author, text, created_at
    from notes
    where tenant_id = $1::uuid and conversation_id = $2::uuid
    order by created_at desc, note_id
    limit 200
) newest
order by created_at, note_id

-- name: list_canned_replies
-- A page of canned replies, the most used first, after (used, id) of the page before.
select canned_reply_id, shortcut, title, text, language, used, updated_at
from canned_replies
where tenant_id = $1::uuid
    and ($2::text is null or position(lower($2::text) in shortcut) > 0
        or position(lower($2::text) in lower(title)) > 0
        or position(lower($2::text) in lower(text)) > 0)
    and ($3::bigint is null or used < $3::bigint
        or (used = $3::bigint and canned_reply_id > $4::uuid))
order by used desc, canned_reply_id
limit $5::int

-- name: find_canned_reply
-- One canned reply.
select canned_reply_id, shortcut, title, text, language, used, updated_at
from canned_replies
where tenant_id = $1::uuid and canned_reply_id = $2::uuid

-- name: count_canned_replies
-- How many others a tenant has, and whether one of them has this shortcut in this language.
select count(*) as others,
    coalesce(bool_or(shortcut = $3::text and coalesce(language, '') = coalesce($4::text, '')),
        false) as taken
from canned_replies
where tenant_id = $1::uuid and canned_reply_id <> $2::uuid

-- name: keep_canned_reply
-- Make or change a canned reply.
insert into canned_replies (tenant_id, canned_reply_id, shortcut, title, text, language)
values ($1::uuid, $2::uuid, $3::text, $4::text, $5::text, $6::text)
on conflict (tenant_id, canned_reply_id) do update
set shortcut = excluded.shortcut, title = excluded.title, text = excluded.text,
    language = excluded.language, updated_at = clock_timestamp()
returning canned_reply_id, shortcut, title, text, language, used, updated_at

-- name: remove_canned_reply
-- Delete a canned reply; no row if there is none.
delete from canned_replies
where tenant_id = $1::uuid and canned_reply_id = $2::uuid
returning canned_reply_id

-- name: count_canned_use
-- It was sent once more.
update canned_replies set used = used + 1
where tenant_id = $1::uuid and canned_reply_id = $2::uuid

-- name: show_presence
-- Somebody looks at a conversation or types in it, for so many seconds from now; answers whether
-- they typed until now.
with before as (
    select state from presences
    where tenant_id = $1::uuid and conversation_id = $2::uuid and author = $3::text
        and until > clock_timestamp()
)
insert into presences (tenant_id, conversation_id, author, state, until)
values ($1::uuid, $2::uuid, $3::text, $4::text,
    clock_timestamp() + make_interval(secs => $5::float8))
on conflict (tenant_id, conversation_id, author) do update
set state = excluded.state, until = excluded.until
returning coalesce((select before.state = 'typing' from before), false) as typed

-- name: leave_conversation
-- Somebody closed it; answers whether they typed until now.
delete from presences
where tenant_id = $1::uuid and conversation_id = $2::uuid and author = $3::text
returning state = 'typing' and until > clock_timestamp() as typed

-- name: list_presences
-- Who else has a conversation open.
select author, state, until
from presences
where tenant_id = $1::uuid and conversation_id = $2::uuid and author <> $3::text
    and until > clock_timestamp()
order by until desc
limit 32

-- name: find_watched
-- What a colleague who has a conversation open needs to know, and to whom typing is shown.
select c.ownership_number, c.last_seq, c.channel_id, c.channel_type, c.contact_external_id,
    (select m.provider_message_id from messages m
     where m.tenant_id = $1::uuid and m.conversation_id = $2::uuid
        and m.seq = c.last_customer_seq) as newest_provider_message_id
from conversations c
where c.tenant_id = $1::uuid and c.conversation_id = $2::uuid
