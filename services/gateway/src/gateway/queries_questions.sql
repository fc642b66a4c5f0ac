-- name: lock_question_tenant
-- One change of a tenant's question sets at a time, so that limits hold.
select pg_advisory_xact_lock(hashtextextended('question-sets:' || $1::uuid::text, 0));

-- name: insert_question_set
-- Nothing is returned when the name is taken.
insert into question_sets (tenant_id, set_id, name)
values ($1::uuid, $2::uuid, $3::text)
on conflict do nothing
returning set_id, name, created_at, 0 as questions;

-- name: count_question_sets
-- How many sets a tenant has.
select count(*)::int from question_sets where tenant_id = $1::uuid;

-- name: find_question_set
-- One set, with the number of its questions.
select set_id, name, created_at,
       (select count(*)::int from questions
        where questions.tenant_id = $1::uuid and questions.set_id = question_sets.set_id)
           as questions
from question_sets
where tenant_id = $1::uuid and set_id = $2::uuid;

-- name: list_question_sets
-- A page of sets, the newest first.
select set_id, name, created_at,
       (select count(*)::int from questions
        where questions.tenant_id = $1::uuid and questions.set_id = question_sets.set_id)
           as questions
from question_sets
where tenant_id = $1::uuid
    and ($2::timestamptz is null or (created_at, set_id) < ($2::timestamptz, $3::uuid))
order by created_at desc, set_id desc
limit $4::int;

-- name: delete_question_set
-- With its questions and runs.
delete from question_sets where tenant_id = $1::uuid and set_id = $2::uuid returning set_id;

-- name: save_questions
-- A question that is there already gets the judgements given now.
insert into questions (tenant_id, question_id, set_id, question, relevant)
select $1::uuid, given.question_id, $2::uuid, given.question, given.relevant::jsonb
from unnest($3::uuid[], $4::text[], $5::text[]) as given (question_id, question, relevant)
on conflict (set_id, md5(question)) do update set relevant = excluded.relevant;

-- name: list_questions
-- A page of a set's questions, the oldest first.
select question_id, question, relevant, created_at
from questions
where tenant_id = $1::uuid and set_id = $2::uuid
    and ($3::timestamptz is null or (created_at, question_id) > ($3::timestamptz, $4::uuid))
order by created_at, question_id
limit $5::int;

-- name: delete_question
-- One question of a set.
delete from questions
where tenant_id = $1::uuid and set_id = $2::uuid and question_id = $3::uuid
returning question_id;

-- name: insert_question_run
-- The figures of one run; said again under the same idempotency key it is the same run.
insert into question_runs (tenant_id, run_id, set_id, note, figures)
values ($1::uuid, $2::uuid, $3::uuid, $4::text, $5::jsonb)
on conflict (run_id) do update set note = question_runs.note
returning run_id, note, figures, created_at;

-- name: prune_question_runs
-- The newest $3 runs of a set are kept.
delete from question_runs
where tenant_id = $1::uuid and set_id = $2::uuid and run_id not in (
    select run_id from question_runs
    where tenant_id = $1::uuid and set_id = $2::uuid
    order by created_at desc, run_id desc
    limit $3::int
);

-- name: list_question_runs
-- A page of runs, the newest first.
select run_id, note, figures, created_at
from question_runs
where tenant_id = $1::uuid and set_id = $2::uuid
    and ($3::timestamptz is null or (created_at, run_id) < ($3::timestamptz, $4::uuid))
order by created_at desc, run_id desc
limit $5::int;
