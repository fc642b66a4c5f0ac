-- name: keep_curated_answer
-- Make or change a curated answer.
insert into curated_answers (tenant_id, curated_answer_id, text, source_url, enabled)
values ($1::uuid, $2::uuid, $3::text, $4::text, $5::boolean)
on conflict (tenant_id, curated_answer_id) do update
set text = excluded.text, source_url = excluded.source_url, enabled = excluded.enabled,
    updated_at = clock_timestamp()

-- name: curated_neighbours
-- How many others a tenant has, and a question of theirs that is one of these.
select (select count(*) from curated_answers
        where tenant_id = $1::uuid and curated_answer_id <> $2::uuid) as others,
    (select question from curated_questions
     where tenant_id = $1::uuid and curated_answer_id <> $2::uuid and folded = any($3::text[])
     order by question limit 1) as taken

-- name: forget_curated_questions
-- Take the questions of an answer away, before its new ones are written.
delete from curated_questions where tenant_id = $1::uuid and curated_answer_id = $2::uuid

-- name: keep_curated_question
-- One way to ask for an answer.
insert into curated_questions (tenant_id, curated_answer_id, place, question, folded, model, vector)
values ($1::uuid, $2::uuid, $3::int, $4::text, $5::text, $6::text, $7::bytea)

-- name: find_curated_answer
-- One curated answer with its questions.
select a.curated_answer_id, a.text, a.source_url, a.enabled, a.used, a.updated_at,
    (select array_agg(q.question order by q.place) from curated_questions q
     where q.tenant_id = a.tenant_id and q.curated_answer_id = a.curated_answer_id) as questions
from curated_answers a
where a.tenant_id = $1::uuid and a.curated_answer_id = $2::uuid

-- name: list_curated_answers
-- A page of curated answers, the newest first, after (time, id) of the page before.
select a.curated_answer_id, a.text, a.source_url, a.enabled, a.used, a.updated_at,
    (select array_agg(q.question order by q.place) from curated_questions q
     where q.tenant_id = a.tenant_id and q.curated_answer_id = a.curated_answer_id) as questions
from curated_answers a
where a.tenant_id = $1::uuid
    and ($2::text is null or position(lower($2::text) in lower(a.text)) > 0
        or exists (select from curated_questions q
            where q.tenant_id = a.tenant_id and q.curated_answer_id = a.curated_answer_id
                and position(lower($2::text) in lower(q.question)) > 0))
    and ($3::timestamptz is null or a.updated_at < $3::timestamptz
        or (a.updated_at = $3::timestamptz and a.curated_answer_id > $4::uuid))
order by a.updated_at desc, a.curated_answer_id
limit $5::int

-- name: remove_curated_answer
-- Delete a curated answer; no row if there is none.
delete from curated_answers
where tenant_id = $1::uuid and curated_answer_id = $2::uuid
returning curated_answer_id

-- name: curated_in_use
-- Every question that an enabled answer stands for.
select q.curated_answer_id, q.question, q.folded, q.model, q.vector, a.text, a.source_url
from curated_questions q
join curated_answers a
    on a.tenant_id = q.tenant_id and a.curated_answer_id = q.curated_answer_id
where q.tenant_id = $1::uuid and a.enabled
order by a.updated_at desc, q.curated_answer_id, q.place
limit $2::int

-- name: count_curated_use
-- It was said once more.
update curated_answers set used = used + 1
where tenant_id = $1::uuid and curated_answer_id = $2::uuid

-- name: keep_unanswered
-- A turn that ended without an answer; its first reason stays.
insert into unanswered_questions (turn_id, tenant_id, conversation_id, question, reason)
values ($1::uuid, $2::uuid, $3::uuid, $4::text, $5::text)
on conflict (tenant_id, turn_id) do nothing

-- name: tenants_with_loose_questions
-- Tenants whose unanswered questions nobody has compared yet.
select distinct tenant_id from unanswered_questions where cluster_id is null limit $1::int

-- name: loose_questions
-- A tenant's unanswered questions that are in no cluster yet, the oldest first.
select turn_id, question, asked_at from unanswered_questions
where tenant_id = $1::uuid and cluster_id is null
order by asked_at, turn_id
limit $2::int

-- name: hold_clusters
-- One at a time gathers a tenant's questions, so that each goes to the same cluster on any replica.
select pg_advisory_xact_lock(hashtextextended('unanswered:' || $1::text, 0))

-- name: list_cluster_vectors
-- A tenant's clusters to compare with, in the order in which they began.
select cluster_id, folded, model, vector from unanswered_clusters
where tenant_id = $1::uuid
order by first_asked_at, cluster_id
limit $2::int

-- name: begin_cluster
-- A question that is like no other begins a cluster; it counts itself when it joins.
insert into unanswered_clusters (cluster_id, tenant_id, question, folded, model, vector, asked,
    first_asked_at, last_asked_at)
values ($1::uuid, $2::uuid, $3::text, $4::text, $5::text, $6::bytea, 0, $7::timestamptz,
    $7::timestamptz)
on conflict (tenant_id, cluster_id) do nothing

-- name: join_cluster
-- A question joins a cluster once; asked again after it was answered, the cluster is open again.
with joined as (
    update unanswered_questions set cluster_id = $3::uuid
    where tenant_id = $1::uuid and turn_id = $2::uuid and cluster_id is null
    returning asked_at
)
update unanswered_clusters c
set asked = c.asked + 1, last_asked_at = greatest(c.last_asked_at, joined.asked_at),
    state = case when c.state = 'answered' then 'open' else c.state end
from joined
where c.tenant_id = $1::uuid and c.cluster_id = $3::uuid

-- name: list_unanswered
-- A page of clusters, the most asked first, after (asked, id) of the page before.
select c.cluster_id, c.question, c.asked, c.first_asked_at, c.last_asked_at, c.state
from unanswered_clusters c
where c.tenant_id = $1::uuid and ($2::text is null or c.state = $2::text)
    and ($3::int is null or c.asked < $3::int
        or (c.asked = $3::int and c.cluster_id > $4::uuid))
order by c.asked desc, c.cluster_id
limit $5::int

-- name: find_unanswered
-- One cluster.
select c.cluster_id, c.question, c.asked, c.first_asked_at, c.last_asked_at, c.state
from unanswered_clusters c
where c.tenant_id = $1::uuid and c.cluster_id = $2::uuid

-- name: unanswered_examples
-- The newest questions of each of these clusters.
select q.cluster_id, q.conversation_id, q.turn_id, q.question, q.reason, q.asked_at
from unnest($2::uuid[]) as wanted (cluster_id)
cross join lateral (
    select u.cluster_id, u.conversation_id, u.turn_id, u.question, u.reason, u.asked_at
    from unanswered_questions u
    where u.tenant_id = $1::uuid and u.cluster_id = wanted.cluster_id
    order by u.asked_at desc, u.turn_id limit 5
) as q
order by q.asked_at desc, q.turn_id

-- name: update_unanswered
-- Say what a cluster is from now on; no row if there is none.
update unanswered_clusters
set state = $3::text, curated_answer_id = coalesce($4::uuid, curated_answer_id)
where tenant_id = $1::uuid and cluster_id = $2::uuid
returning cluster_id

-- name: turn_memory
-- What a prompt says of a conversation beside its messages.
select contacts.display_name, c.language, c.metadata::text as metadata, c.tags,
    s.through_seq, s.text as summary
from conversations c
join contacts on contacts.tenant_id = c.tenant_id and contacts.contact_id = c.contact_id
left join conversation_summaries s
    on s.tenant_id = c.tenant_id and s.conversation_id = c.conversation_id
where c.tenant_id = $1::uuid and c.conversation_id = $2::uuid

-- name: recent_misses
-- Whether each of the last answers missed, the newest first; an answer that was not judged is none.
select t.evidence ->> 'missed' is not null as missed
from turns t
where t.tenant_id = $1::uuid and t.conversation_id = $2::uuid and t.first_seq < $3::bigint
    and t.outcome = 'answered'
    and (t.evidence ->> 'missed' is not null
        or jsonb_typeof(t.evidence #> '{confidence,value}') = 'number')
order by t.first_seq desc
limit $4::int

-- name: want_writing
-- Something is to be written about a conversation; what is due already goes further.
insert into writing_due (conversation_id, tenant_id, kind, through_seq)
values ($1::uuid, $2::uuid, $3::text, $4::bigint)
on conflict (tenant_id, conversation_id, kind) do update
set through_seq = greatest(writing_due.through_seq, excluded.through_seq)

-- name: take_writing
-- Take what is due for so many seconds: who takes it and dies leaves it to the next.
with due as (
    select w.tenant_id, w.conversation_id, w.kind
    from writing_due w
    where w.due_at <= clock_timestamp()
    order by w.due_at
    limit $1::int
    for update skip locked
)
update writing_due w
set due_at = clock_timestamp() + make_interval(secs => $2::float8), tries = w.tries + 1
from due
where w.tenant_id = due.tenant_id and w.conversation_id = due.conversation_id
    and w.kind = due.kind
returning w.tenant_id, w.conversation_id, w.kind, w.through_seq, w.tries

-- name: writing_done
-- It is written, or given up; what was wanted further meanwhile stays due.
delete from writing_due
where tenant_id = $1::uuid and conversation_id = $2::uuid and kind = $3::text
    and through_seq <= $4::bigint

-- name: words_to_sum_up
-- What was said after a place up to another, as the customer may read it, the oldest first.
select m.seq, m.role, m.text
from messages m
where m.tenant_id = $1::uuid and m.conversation_id = $2::uuid and m.seq > $3::bigint
    and m.seq <= $4::bigint and m.text <> '' and m.role in ('customer', 'bot', 'agent')
    -- What was refused because a person had taken over was never said.
    and m.delivery_code is distinct from 'stale_ownership'
order by m.seq desc
limit $5::int

-- name: find_summary
-- What is known in few words, and up to which place.
select through_seq, text from conversation_summaries
where tenant_id = $1::uuid and conversation_id = $2::uuid

-- name: keep_summary
-- Keep a summary unless one is here that goes further.
insert into conversation_summaries (conversation_id, tenant_id, through_seq, text, written_by)
values ($1::uuid, $2::uuid, $3::bigint, $4::text, $5::text)
on conflict (tenant_id, conversation_id) do update
set through_seq = excluded.through_seq, text = excluded.text, written_by = excluded.written_by,
    updated_at = clock_timestamp()
where conversation_summaries.through_seq < excluded.through_seq

-- name: lines_for_brief
-- The last messages of a conversation, the newest first.
select m.seq, m.role, m.text from messages m
where m.tenant_id = $1::uuid and m.conversation_id = $2::uuid and m.text <> ''
    and m.role in ('customer', 'bot', 'agent')
    and m.delivery_code is distinct from 'stale_ownership'
order by m.seq desc
limit $3::int

-- name: turns_for_brief
-- What the last turns did, the newest first: only the small parts of their evidence.
select t.evidence -> 'understood' as understood, t.evidence -> 'passages' as passages,
    t.evidence -> 'tool_calls' as tool_calls, t.evidence -> 'decision' as decision,
    t.evidence -> 'confidence' as confidence
from turns t
where t.tenant_id = $1::uuid and t.conversation_id = $2::uuid
order by t.first_seq desc
limit $3::int

-- name: keep_brief
-- Keep what a person should know; a model's words give way only to a later handoff's.
update conversations set brief = $3::jsonb
where tenant_id = $1::uuid and conversation_id = $2::uuid

-- name: standing_for_brief
-- Where a conversation stands when a better brief arrives.
select c.channel_id, c.channel_type, c.contact_external_id, c.status, c.owner_kind, c.assignee,
    c.ownership_number, c.last_seq
from conversations c
where c.tenant_id = $1::uuid and c.conversation_id = $2::uuid
for update of c

-- name: await_person
-- The customer was promised a person: they wait until one speaks.
update conversations set person_awaited_since = clock_timestamp()
where tenant_id = $1::uuid and conversation_id = $2::uuid and owner_kind = 'human'
