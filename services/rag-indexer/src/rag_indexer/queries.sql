-- name: keep_tenant
-- The newest revision of a tenant's settings wins.
insert into tenants
    (tenant_id, revision, language, embedding_model, chunk_tokens, chunk_overlap_tokens)
values ($1::uuid, $2::bigint, $3::text, $4::text, $5::int, $6::int)
on conflict (tenant_id) do update
set revision = excluded.revision,
    language = excluded.language,
    embedding_model = excluded.embedding_model,
    chunk_tokens = excluded.chunk_tokens,
    chunk_overlap_tokens = excluded.chunk_overlap_tokens
where tenants.revision < excluded.revision;

-- name: find_tenant
-- The settings that splitting and embedding follow.
select language, embedding_model, chunk_tokens, chunk_overlap_tokens
from tenants
where tenant_id = $1::uuid;

-- name: count_tenants
-- Whether this database has heard any configuration yet.
select count(*) from tenants;

-- name: remove_tenant_documents
-- Every document of a removed tenant, with its jobs and passages.
delete from documents where tenant_id = $1::uuid;

-- name: lock_document
-- One at a time for what happens to a document, also before it has a row.
select pg_advisory_xact_lock(hashtextextended($1::uuid::text, 0));

-- name: is_removed
-- Whether the document was removed, perhaps before its upload was heard.
select exists (
    select from removed_documents where tenant_id = $1::uuid and document_id = $2::uuid);

-- name: add_document
-- Nothing is returned when the document is there already.
insert into documents
    (document_id, tenant_id, title, file_name, size_bytes, sha256, language_given, stage)
values ($2::uuid, $1::uuid, $3::text, $4::text, $5::bigint, $6::text, $7::text, 'queued')
on conflict (document_id) do nothing
returning document_id;

-- name: add_job
-- A version to be built.
insert into jobs (document_id, document_version, tenant_id)
values ($2::uuid, $3::int, $1::uuid);

-- name: next_version
-- A new version of a document; its number.
update documents
set latest_version = latest_version + 1,
    stage = 'queued', percent = 0, code = null, detail = null, updated_at = now()
where tenant_id = $1::uuid and document_id = $2::uuid
returning latest_version;

-- name: supersede_jobs
-- Older versions that are not searchable yet never will be.
update jobs set state = 'superseded', lease_until = null
where tenant_id = $1::uuid and document_id = $2::uuid
    and document_version < $3::int and state in ('open', 'said');

-- name: drop_chunks
-- Passages that nobody needs any more: of this version and all before it.
delete from chunks
where tenant_id = $1::uuid and document_id = $2::uuid and document_version <= $3::int;

-- name: remove_document
-- The document with its jobs and passages.
delete from documents where tenant_id = $1::uuid and document_id = $2::uuid;

-- name: mark_removed
-- The mark that a late upload meets.
insert into removed_documents (document_id, tenant_id)
values ($2::uuid, $1::uuid)
on conflict (document_id) do nothing;

-- name: claim_job
-- The job that waits longest, for a lease; a try is counted before anything is tried.
with claimed as (
    update jobs
    set lease_epoch = lease_epoch + 1,
        lease_until = now() + make_interval(secs => $1::float8),
        tries = tries + 1
    where (document_id, document_version) = (
        select document_id, document_version
        from jobs
        where state = 'open' and run_after <= now()
            and (lease_until is null or lease_until < now())
        order by run_after
        limit 1
        for update skip locked)
    returning jobs.*
)
select
    claimed.tenant_id, claimed.document_id, claimed.document_version, claimed.lease_epoch,
    claimed.tries, claimed.title as job_title, claimed.language as job_language,
    claimed.embedding_model, claimed.dimensions, claimed.passages_total, claimed.batches,
    claimed.next_batch,
    claimed.waiting_since is not null
        and claimed.waiting_since < now() - make_interval(secs => $2::float8) as out_of_patience,
    documents.title, documents.file_name, documents.sha256, documents.language_given
from claimed
join documents using (document_id);

-- name: renew_lease
-- Nothing is updated when the lease is somebody else's now.
update jobs set lease_until = now() + make_interval(secs => $4::float8)
where document_id = $1::uuid and document_version = $2::int
    and lease_epoch = $3::bigint and state = 'open'
returning true;

-- name: hold_lease
-- Inside a transaction: the lease is ours until the commit, or nothing is returned.
select true
from jobs
where document_id = $1::uuid and document_version = $2::int
    and lease_epoch = $3::bigint and state = 'open'
for update;

-- name: show_stage
-- What people see of the version that is being built.
update documents
set stage = $4::text, percent = $5::int, code = null, detail = null, updated_at = now()
where tenant_id = $1::uuid and document_id = $2::uuid and latest_version = $3::int
returning true;

-- name: show_waiting
-- Work goes on by itself; meanwhile people see why it does not.
update documents set detail = $4::text, updated_at = now()
where tenant_id = $1::uuid and document_id = $2::uuid and latest_version = $3::int;

-- name: save_reading
-- What reading and splitting found out, kept for the batches.
update jobs
set title = $3::text, language = $4::text, embedding_model = $5::text, dimensions = $6::int,
    passages_total = $7::int, batches = $8::int, next_batch = 1, tries = 0, waiting_since = null
where document_id = $1::uuid and document_version = $2::int;

-- name: describe_document
-- What the content turned out to be.
update documents
set media_type = $3::text, pages = $4::int, language = $5::text, title = $6::text,
    updated_at = now()
where tenant_id = $1::uuid and document_id = $2::uuid;

-- name: add_chunks
-- The passages of a version.
insert into chunks
    (document_id, document_version, tenant_id, ordinal, batch, text, page, headings,
     start_offset, end_offset, token_count)
select $2::uuid, $3::int, $1::uuid, ordinal, batch, text, page,
       array(select jsonb_array_elements_text(headings)), start_offset, end_offset, token_count
from unnest($4::int[], $5::int[], $6::text[], $7::int[], $8::jsonb[],
            $9::int[], $10::int[], $11::int[])
    as row (ordinal, batch, text, page, headings, start_offset, end_offset, token_count);

-- name: find_batch
-- The passages of one batch, in order.
select ordinal, text, page, headings, start_offset, end_offset, token_count
from chunks
where tenant_id = $1::uuid and document_id = $2::uuid
    and document_version = $3::int and batch = $4::int
order by ordinal;

-- name: save_batch
-- The next batch to embed; when there is none, the rest is up to the index.
update jobs
set next_batch = $3::int, tries = 0, waiting_since = null,
    state = case when $3::int > batches then 'said' else state end,
    lease_until = case when $3::int > batches then null else lease_until end
where document_id = $1::uuid and document_version = $2::int;

-- name: postpone_job
-- Let go of the job for a while; `$5` tells that it waits for the embedding model and that this
-- was no try of its own.
update jobs
set lease_until = null,
    run_after = now() + make_interval(secs => $4::float8),
    tries = case when $5::boolean then greatest(tries - 1, 0) else tries end,
    waiting_since = case when $5::boolean then coalesce(waiting_since, now()) end
where document_id = $1::uuid and document_version = $2::int and lease_epoch = $3::bigint;

-- name: fail_job
-- The end of a version that cannot be built.
update jobs set state = 'failed', lease_until = null
where document_id = $1::uuid and document_version = $2::int
    and state in ('open', 'said');

-- name: show_failure
-- Why, in words that a person can act on; the version that answers goes on answering.
update documents
set stage = 'failed', code = $4::text, detail = $5::text, updated_at = now()
where tenant_id = $1::uuid and document_id = $2::uuid and latest_version = $3::int
returning true;

-- name: find_expected
-- How many passages the index should have of a version.
select passages_total from jobs
where tenant_id = $1::uuid and document_id = $2::uuid and document_version = $3::int;

-- name: finish_job
-- The index has it.
update jobs set state = 'done', lease_until = null
where tenant_id = $1::uuid and document_id = $2::uuid and document_version = $3::int;

-- name: show_live
-- The version that answers from now on.
update documents
set live_version = $3::int, passages = $4::int, updated_at = now()
where tenant_id = $1::uuid and document_id = $2::uuid and live_version <= $3::int;

-- name: find_document
-- A document as the API shows it.
select document_id, title, file_name, media_type, size_bytes, sha256, stage, percent, code, detail,
       live_version, passages, pages, coalesce(language, language_given) as language,
       created_at, updated_at
from documents
where tenant_id = $1::uuid and document_id = $2::uuid;

-- name: list_documents
-- A page of documents, the newest first; $3 and $4 are where the page before ended.
select document_id, title, file_name, media_type, size_bytes, sha256, stage, percent, code, detail,
       live_version, passages, pages, coalesce(language, language_given) as language,
       created_at, updated_at
from documents
where tenant_id = $1::uuid
    and ($2::text is null or stage = $2::text)
    and ($3::timestamptz is null or (created_at, document_id) < ($3::timestamptz, $4::uuid))
order by created_at desc, document_id desc
limit $5::int;
