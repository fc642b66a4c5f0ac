-- name: keep_tenant
-- The newest revision of a tenant's settings wins.
insert into tenants
    (tenant_id, revision, language, embedding_model, chunk_tokens, chunk_overlap_tokens, chunking,
     quota_passages)
values ($1::uuid, $2::bigint, $3::text, $4::text, $5::int, $6::int, $7::jsonb, $8::bigint)
on conflict (tenant_id) do update
set revision = excluded.revision,
    language = excluded.language,
    embedding_model = excluded.embedding_model,
    chunk_tokens = excluded.chunk_tokens,
    chunk_overlap_tokens = excluded.chunk_overlap_tokens,
    chunking = excluded.chunking,
    quota_passages = excluded.quota_passages
where tenants.revision < excluded.revision
returning true;

-- name: lock_tenant
-- The settings that were kept so far; nobody else changes them until the commit.
select language, embedding_model, chunk_tokens, chunk_overlap_tokens, chunking::text as chunking,
       quota_passages
from tenants
where tenant_id = $1::uuid
for update;

-- name: find_choice
-- What splitting and embedding a tenant's documents follow.
select language, embedding_model, chunk_tokens, chunk_overlap_tokens, chunking::text as chunking,
       quota_passages
from tenants
where tenant_id = $1::uuid;

-- name: find_own_rules
-- Which of these documents have a rule of their own.
select document_id, chunking::text as chunking
from document_properties
where tenant_id = $1::uuid and document_id = any ($2::uuid[]) and chunking is not null;

-- name: count_other_passages
-- What the tenant's other documents take up, or will when they are whole.
select coalesce(sum(greatest(documents.passages, coalesce(building.passages_total, 0))), 0)::bigint
from documents
left join jobs as building
    on building.document_id = documents.document_id
    and building.document_version = documents.latest_version
    and building.state in ('open', 'said')
where documents.tenant_id = $1::uuid and documents.document_id <> all ($2::uuid[]);

-- name: count_tenants
-- Whether this database has heard any configuration yet.
select count(*) from tenants;

-- name: remove_tenant_documents
-- Every document of a removed tenant, with its jobs and passages.
delete from documents where tenant_id = $1::uuid;

-- name: remove_tenant_rest
-- What a removed tenant leaves beside its documents.
with properties as (
    delete from document_properties where tenant_id = $1::uuid
), vectors as (
    delete from embeddings where tenant_id = $1::uuid
), turns as (
    delete from tenant_turns where tenant_id = $1::uuid
)
delete from reindexings where tenant_id = $1::uuid;

-- name: lock_documents
-- One at a time for what happens to a document, also before it has a row; in one order, so that
-- two who lock many never wait for each other.
select pg_advisory_xact_lock(key)
from (select distinct hashtextextended(document_id::text, 0) as key
      from unnest($1::uuid[]) as wanted (document_id)
      order by key) as locks;

-- name: find_removed
-- Which of these documents were removed, perhaps before their upload was heard.
select document_id from removed_documents where document_id = any ($1::uuid[]);

-- name: add_documents
-- Documents that are new, each with its first version to be built.
with added as (
    insert into documents
        (document_id, tenant_id, title, file_name, size_bytes, sha256, language_given, stage,
         document_kind, source_url, declared_type)
    select document_id, tenant_id, title, file_name, size_bytes, sha256, language_given, 'queued',
           document_kind, source_url, declared_type
    from unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::bigint[], $6::text[],
                $7::text[], $8::text[], $9::text[], $10::text[])
        as given (document_id, tenant_id, title, file_name, size_bytes, sha256, language_given,
                  document_kind, source_url, declared_type)
    on conflict (document_id) do nothing
    returning document_id, tenant_id, title, file_name, size_bytes, sha256, language_given,
              declared_type
), job as (
    insert into jobs
        (document_id, document_version, tenant_id, sha256, file_name, size_bytes, title_given,
         language_given, declared_type)
    select document_id, 1, tenant_id, sha256, file_name, size_bytes, title, language_given,
           declared_type
    from added
)
select document_id from added;

-- name: replace_bytes
-- The bytes of the newest replacement; nothing is returned for a late or an unknown one.
update documents
set replacement = $3::int, title = $4::text, file_name = $5::text, size_bytes = $6::bigint,
    sha256 = $7::text, language_given = $8::text, declared_type = $9::text
where tenant_id = $1::uuid and document_id = $2::uuid and replacement < $3::int
returning true;

-- name: next_version
-- A new version of a document, of the bytes that are its newest; its number.
update documents
set latest_version = latest_version + 1,
    stage = 'queued', percent = 0, code = null, detail = null, work = null, updated_at = now()
where tenant_id = $1::uuid and document_id = $2::uuid
returning latest_version;

-- name: add_job
-- A version to be built.
insert into jobs
    (document_id, document_version, tenant_id, sha256, file_name, size_bytes, title_given,
     language_given, declared_type, priority, repairs)
select document_id, latest_version, tenant_id, sha256, file_name, size_bytes, title,
       language_given, declared_type, $3::smallint, $4::int
from documents
where tenant_id = $1::uuid and document_id = $2::uuid;

-- name: supersede_jobs
-- Versions that are not searchable yet never will be.
update jobs set state = 'superseded', lease_until = null
where tenant_id = $1::uuid and document_id = $2::uuid and state in ('open', 'said');

-- name: drop_chunks
-- Passages that nobody needs any more: of this version and all before it.
delete from chunks
where tenant_id = $1::uuid and document_id = $2::uuid and document_version <= $3::int;

-- name: drop_all_chunks
-- The same for all versions.
delete from chunks where tenant_id = $1::uuid and document_id = $2::uuid;

-- name: remove_jobs
-- The versions of a document with their passages; jobs before documents, as everywhere.
delete from jobs where tenant_id = $1::uuid and document_id = $2::uuid;

-- name: remove_document
-- The document, and what was chosen for it.
with properties as (
    delete from document_properties where tenant_id = $1::uuid and document_id = $2::uuid
)
delete from documents where tenant_id = $1::uuid and document_id = $2::uuid;

-- name: mark_removed
-- The mark that a late upload meets.
insert into removed_documents (document_id, tenant_id)
values ($2::uuid, $1::uuid)
on conflict (document_id) do nothing;

-- name: keep_properties
-- What was chosen for documents; the newest revision wins. Those whose chunking is another one now
-- are told.
with given as (
    select tenant_id, document_id, revision, enabled, expires_at, tags, metadata, chunking,
           external_id, document_kind, source_url
    from unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::boolean[], $5::timestamptz[],
                $6::jsonb[], $7::jsonb[], $8::jsonb[], $9::text[], $10::text[], $11::text[])
        as row (tenant_id, document_id, revision, enabled, expires_at, tags, metadata, chunking,
                external_id, document_kind, source_url)
), before as (
    select document_properties.document_id, document_properties.chunking
    from document_properties
    join given using (tenant_id, document_id)
), kept as (
    insert into document_properties
        (tenant_id, document_id, revision, enabled, expires_at, tags, metadata, chunking,
         external_id, document_kind, source_url)
    select tenant_id, document_id, revision, enabled, expires_at,
           array(select jsonb_array_elements_text(tags)), metadata, chunking, external_id,
           document_kind, source_url
    from given
    on conflict (tenant_id, document_id) do update
    set revision = excluded.revision,
        enabled = excluded.enabled,
        expires_at = excluded.expires_at,
        tags = excluded.tags,
        metadata = excluded.metadata,
        chunking = excluded.chunking,
        external_id = excluded.external_id,
        document_kind = excluded.document_kind,
        source_url = excluded.source_url
    where document_properties.revision < excluded.revision
    returning document_id, chunking
)
select kept.document_id
from kept
left join before using (document_id)
where kept.chunking is distinct from before.chunking;

-- name: find_latest_job
-- What a document is, or is becoming: its newest version, but the one that answers if that is
-- whole (somebody may have rolled back). Its row is locked, jobs before documents as everywhere.
select jobs.state, jobs.passages_total is not null as is_read, jobs.embedding_model,
       jobs.chunking::text as chunking, jobs.code, jobs.repairs
from documents
join jobs as latest on latest.document_id = documents.document_id
    and latest.document_version = documents.latest_version
join jobs on jobs.document_id = documents.document_id
    and jobs.document_version = case when latest.state = 'done' and documents.live_version > 0
                                     then documents.live_version
                                     else documents.latest_version end
where documents.tenant_id = $1::uuid and documents.document_id = $2::uuid
for update of latest, jobs;

-- name: request_reindexing
-- Every document is looked at, from the first one on.
insert into reindexings (tenant_id, reason)
values ($1::uuid, $2::text)
on conflict (tenant_id) do update
set reason = case when reindexings.reason = 'asked' then 'asked' else excluded.reason end,
    requested_at = now(), after_id = null;

-- name: next_tenant
-- Whose turn it is: the tenant that waits longest among those with something due; if $1, what
-- somebody waits for goes before the redoing of everything. One look at the index a tenant.
with recursive waiting as (
    (select tenant_id from jobs where state = 'open' order by tenant_id limit 1)
    union all
    select (select jobs.tenant_id from jobs
            where jobs.state = 'open' and jobs.tenant_id > waiting.tenant_id
            order by jobs.tenant_id limit 1)
    from waiting
    where waiting.tenant_id is not null
)
select waiting.tenant_id, head.is_record
from waiting
cross join lateral (
    select jobs.priority,
           documents.document_kind in ('text', 'qa') and jobs.size_bytes <= $2::bigint
           and jobs.tries = 0 and jobs.passages_total is null as is_record
    from jobs
    join documents using (document_id)
    where jobs.tenant_id = waiting.tenant_id and jobs.state = 'open' and jobs.run_after <= now()
        and (jobs.lease_until is null or jobs.lease_until < now())
    order by jobs.priority, jobs.run_after
    limit 1
) as head
left join tenant_turns on tenant_turns.tenant_id = waiting.tenant_id
order by case when $1::boolean then head.priority else 0 end, tenant_turns.served_at nulls first
limit 1;

-- name: take_turn
-- The tenant was served now.
insert into tenant_turns (tenant_id, served_at) values ($1::uuid, clock_timestamp())
on conflict (tenant_id) do update set served_at = excluded.served_at;

-- name: claim_jobs
-- The tenant's jobs that wait longest, for a lease; a try is counted before anything is tried.
-- One, or if $4 up to $5 small records that were never tried.
with picked as (
    select jobs.document_id, jobs.document_version, jobs.lease_until is not null as taken_over
    from jobs
    join documents using (document_id)
    where jobs.tenant_id = $1::uuid and jobs.state = 'open' and jobs.run_after <= now()
        and (jobs.lease_until is null or jobs.lease_until < now())
        and (not $4::boolean
             or documents.document_kind in ('text', 'qa') and jobs.size_bytes <= $6::bigint
                and jobs.tries = 0 and jobs.passages_total is null)
    order by jobs.priority, jobs.run_after
    limit $5::int
    for update of jobs skip locked
), claimed as (
    update jobs
    set lease_epoch = lease_epoch + 1,
        lease_until = now() + make_interval(secs => $2::float8),
        tries = tries + 1
    from picked
    where jobs.document_id = picked.document_id
        and jobs.document_version = picked.document_version
    returning
        jobs.tenant_id, jobs.document_id, jobs.document_version, jobs.lease_epoch, jobs.tries,
        jobs.title, jobs.language, jobs.embedding_model, jobs.dimensions, jobs.passages_total,
        jobs.batches, jobs.next_batch, jobs.repeats, jobs.waiting_since, jobs.title_given,
        jobs.file_name, jobs.sha256, jobs.size_bytes, jobs.language_given, jobs.declared_type,
        jobs.created_at, jobs.passages_reused, picked.taken_over
)
select
    claimed.tenant_id, claimed.document_id, claimed.document_version, claimed.lease_epoch,
    claimed.tries, claimed.title as job_title, claimed.language as job_language,
    claimed.embedding_model, claimed.dimensions, claimed.passages_total, claimed.batches,
    claimed.next_batch, claimed.repeats, claimed.created_at, claimed.passages_reused,
    claimed.taken_over, claimed.waiting_since is not null as has_waited,
    claimed.waiting_since is not null
        and claimed.waiting_since < now() - make_interval(secs => $3::float8) as out_of_patience,
    coalesce(claimed.title_given, documents.title) as title,
    coalesce(claimed.file_name, documents.file_name) as file_name,
    coalesce(claimed.sha256, documents.sha256) as sha256,
    coalesce(claimed.size_bytes, documents.size_bytes) as size_bytes,
    coalesce(claimed.language_given, documents.language_given) as language_given,
    coalesce(claimed.declared_type, documents.declared_type) as declared_type,
    documents.document_kind
from claimed
join documents using (document_id);

-- name: renew_leases
-- Those that are still ours; the others are somebody else's now.
update jobs set lease_until = now() + make_interval(secs => $4::float8)
from unnest($1::uuid[], $2::int[], $3::bigint[]) as ours (document_id, document_version, epoch)
where jobs.document_id = ours.document_id and jobs.document_version = ours.document_version
    and jobs.lease_epoch = ours.epoch and jobs.state = 'open'
returning jobs.document_id;

-- name: hold_leases
-- Inside a transaction: these leases are ours until the commit; the others are not returned.
select jobs.document_id
from unnest($1::uuid[], $2::int[], $3::bigint[]) as ours (document_id, document_version, epoch)
join jobs using (document_id, document_version)
where jobs.lease_epoch = ours.epoch and jobs.state = 'open'
order by jobs.document_id
for update of jobs;

-- name: show_stages
-- What people see of the versions that are being built.
update documents
set stage = $3::text, percent = $4::int, work = $5::jsonb, code = null, detail = null,
    updated_at = now()
from unnest($1::uuid[], $2::int[]) as shown (document_id, document_version)
where documents.document_id = shown.document_id
    and documents.latest_version = shown.document_version
returning documents.document_id;

-- name: show_waiting
-- Work goes on by itself; meanwhile people see why it does not.
update documents set detail = $4::text, updated_at = now()
where tenant_id = $1::uuid and document_id = $2::uuid and latest_version = $3::int;

-- name: save_readings
-- What reading and splitting found out, kept for the batches.
update jobs
set title = given.title, language = given.language, embedding_model = given.embedding_model,
    dimensions = given.dimensions, passages_total = given.passages_total,
    batches = given.batches, media_type = given.media_type, pages = given.pages,
    author = given.author, dated_at = given.dated_at,
    headings = array(select jsonb_array_elements_text(given.headings)), tokens = given.tokens,
    chunking = given.chunking, next_batch = 1, tries = 0, waiting_since = null,
    passages_reused = 0
from jsonb_to_recordset($1::jsonb) as given (
    document_id uuid, document_version int, title text, language text, embedding_model text,
    dimensions int, passages_total int, batches int, media_type text, pages int, author text,
    dated_at text, headings jsonb, tokens bigint, chunking jsonb)
where jobs.document_id = given.document_id and jobs.document_version = given.document_version;

-- name: add_chunks
-- The passages of versions.
insert into chunks
    (document_id, document_version, tenant_id, ordinal, batch, text, page, headings,
     start_offset, end_offset, token_count, parent_start, parent_end)
select document_id, document_version, $1::uuid, ordinal, batch, text, page,
       array(select jsonb_array_elements_text(headings)), start_offset, end_offset, token_count,
       parent_start, parent_end
from unnest($2::uuid[], $3::int[], $4::int[], $5::int[], $6::text[], $7::int[], $8::jsonb[],
            $9::int[], $10::int[], $11::int[], $12::int[], $13::int[])
    as row (document_id, document_version, ordinal, batch, text, page, headings, start_offset,
            end_offset, token_count, parent_start, parent_end);

-- name: find_batch
-- The passages of one batch, in order.
select ordinal, text, page, headings, start_offset, end_offset, token_count,
       parent_start, parent_end
from chunks
where tenant_id = $1::uuid and document_id = $2::uuid
    and document_version = $3::int and batch = $4::int
order by ordinal;

-- name: save_batch
-- The next batch to embed; when there is none, the rest is up to the index.
update jobs
set next_batch = $3::int, tries = 0, waiting_since = null,
    passages_reused = passages_reused + $4::int,
    cost_usd = coalesce(cost_usd, 0) + $5::float8,
    state = case when $3::int > batches then 'said' else state end,
    said_at = case when $3::int > batches then now() end,
    lease_until = case when $3::int > batches then null else lease_until end
where document_id = $1::uuid and document_version = $2::int;

-- name: save_said
-- Versions that were said as a whole.
update jobs
set next_batch = batches + 1, tries = 0, waiting_since = null, state = 'said', said_at = now(),
    lease_until = null, passages_reused = said.reused, cost_usd = said.cost_usd
from unnest($1::uuid[], $2::int[], $3::int[], $4::float8[])
    as said (document_id, document_version, reused, cost_usd)
where jobs.document_id = said.document_id and jobs.document_version = said.document_version;

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
update jobs set state = 'failed', lease_until = null, failed_at = now(), code = $3::text
where document_id = $1::uuid and document_version = $2::int
    and state in ('open', 'said');

-- name: show_failure
-- Why, in words that a person can act on; the version that answers goes on answering.
update documents
set stage = 'failed', code = $4::text, detail = $5::text, updated_at = now()
where tenant_id = $1::uuid and document_id = $2::uuid and latest_version = $3::int
returning true;

-- name: find_said
-- What was said to the index of these versions, and what is shown of their documents.
select jobs.document_id, jobs.document_version, jobs.state, jobs.passages_total,
       documents.latest_version, documents.live_version, documents.live_at,
       latest.state as latest_state
from unnest($1::uuid[], $2::uuid[], $3::int[]) as asked (tenant_id, document_id, document_version)
join jobs using (tenant_id, document_id, document_version)
join documents using (tenant_id, document_id)
join jobs as latest on latest.document_id = documents.document_id
    and latest.document_version = documents.latest_version;

-- name: finish_jobs
-- The index has these versions: what they were built of is not needed any more.
with confirmed as (
    select document_id, document_version, live_at
    from unnest($1::uuid[], $2::int[], $3::timestamptz[])
        as row (document_id, document_version, live_at)
), dropped as (
    delete from chunks
    using confirmed
    where chunks.document_id = confirmed.document_id
        and chunks.document_version <= confirmed.document_version
)
update jobs
set state = 'done', lease_until = null,
    live_at = greatest(jobs.live_at, confirmed.live_at)
from confirmed
where jobs.document_id = confirmed.document_id
    and jobs.document_version = confirmed.document_version;

-- name: show_live
-- The versions that answer from now on; `shown` ones are what people see of their documents.
update documents
set live_version = jobs.document_version, live_at = confirmed.live_at,
    passages = jobs.passages_total, tokens = jobs.tokens,
    embedding_model = jobs.embedding_model, updated_at = now(),
    stage = case when shown then 'ready' else stage end,
    percent = case when shown then 100 else percent end,
    code = case when shown then null else documents.code end,
    detail = case when shown then null else documents.detail end,
    work = case when shown then null else work end
from unnest($1::uuid[], $2::int[], $3::timestamptz[], $4::boolean[])
    as confirmed (document_id, document_version, live_at, shown)
join jobs using (document_id, document_version)
where documents.document_id = confirmed.document_id;

-- name: describe_documents
-- People see what the content of these versions turned out to be.
update documents
set media_type = coalesce(jobs.media_type, documents.media_type),
    pages = jobs.pages, author = jobs.author, dated_at = jobs.dated_at,
    headings = jobs.headings,
    language = coalesce(jobs.language, documents.language),
    title = coalesce(jobs.title, jobs.title_given, documents.title),
    sha256 = coalesce(jobs.sha256, documents.sha256),
    file_name = coalesce(jobs.file_name, documents.file_name),
    size_bytes = coalesce(jobs.size_bytes, documents.size_bytes),
    language_given = jobs.language_given,
    declared_type = coalesce(jobs.declared_type, documents.declared_type),
    updated_at = now()
from unnest($1::uuid[], $2::int[]) as described (document_id, document_version)
join jobs using (document_id, document_version)
where documents.document_id = described.document_id;

-- name: find_document
-- A document as the API shows it, with its outline.
select documents.document_id, title, file_name, media_type, size_bytes, sha256, stage, percent,
       code, detail, live_version, latest_version, passages, pages,
       coalesce(language, language_given) as language, created_at, updated_at,
       coalesce(properties.document_kind, documents.document_kind) as document_kind,
       coalesce(properties.source_url, documents.source_url) as source_url,
       properties.external_id, properties.enabled, properties.expires_at, properties.tags,
       properties.metadata::text as metadata, properties.chunking::text as chunking,
       author, dated_at, tokens, embedding_model, work::text as work, headings
from documents
left join document_properties as properties
    on properties.tenant_id = $1::uuid and properties.document_id = documents.document_id
where documents.tenant_id = $1::uuid and documents.document_id = $2::uuid;

-- name: list_documents
-- A page of documents, the newest first; $3 and $4 are where the page before ended.
select documents.document_id, title, file_name, media_type, size_bytes, sha256, stage, percent,
       code, detail, live_version, latest_version, passages, pages,
       coalesce(language, language_given) as language, created_at, updated_at,
       coalesce(properties.document_kind, documents.document_kind) as document_kind,
       coalesce(properties.source_url, documents.source_url) as source_url,
       properties.external_id, properties.enabled, properties.expires_at, properties.tags,
       properties.metadata::text as metadata, properties.chunking::text as chunking,
       author, dated_at, tokens, embedding_model, work::text as work, null::text[] as headings
from documents
left join document_properties as properties
    on properties.tenant_id = $1::uuid and properties.document_id = documents.document_id
where documents.tenant_id = $1::uuid
    and ($2::text is null or stage = $2::text)
    and ($3::timestamptz is null
         or (created_at, documents.document_id) < ($3::timestamptz, $4::uuid))
    and ($6::text is null
         or coalesce(properties.document_kind, documents.document_kind) = $6::text)
    and ($7::text is null or $7::text = any (properties.tags))
    and ($8::text is null
         or strpos(lower(title), lower($8::text)) > 0
         or strpos(lower(file_name), lower($8::text)) > 0)
order by created_at desc, document_id desc
limit $5::int;

-- name: list_versions
-- The versions of a document, the newest first.
select document_version, jobs.state, coalesce(jobs.sha256, documents.sha256) as sha256,
       coalesce(jobs.file_name, documents.file_name) as file_name,
       coalesce(jobs.passages_total, 0) as passages, jobs.passages_reused, jobs.embedding_model,
       jobs.chunking::text as chunking, jobs.code, jobs.created_at, jobs.live_at,
       documents.live_version
from jobs
join documents using (document_id)
where jobs.tenant_id = $1::uuid and jobs.document_id = $2::uuid
order by document_version desc
limit $3::int;

-- name: count_knowledge
-- What a tenant's documents take up, stage by stage.
select stage, count(*)::int as documents, sum(size_bytes)::bigint as size_bytes,
       sum(passages)::bigint as passages, coalesce(sum(tokens), 0)::bigint as tokens
from documents
where tenant_id = $1::uuid
group by stage;

-- name: find_spend
-- What a tenant's vectors have cost; null where somebody did not say a price.
select case when coalesce(sum(unpriced_texts), 0) = 0 then coalesce(sum(cost_usd), 0) end
from embedding_spend
where tenant_id = $1::uuid;

-- name: find_vectors
-- Vectors of this tenant's texts, $4 numbers long (a model may be set to another length and keep
-- its name); those that were not used for a day are marked as used.
with used as (
    update embeddings set used_at = now()
    where tenant_id = $1::uuid and embedding_model = $2::text and text_sha256 = any ($3::bytea[])
        and used_at < now() - interval '1 day'
)
select text_sha256, vector, made_at
from embeddings
where tenant_id = $1::uuid and embedding_model = $2::text and text_sha256 = any ($3::bytea[])
    and length(vector) = 4 * $4::int;

-- name: keep_vectors
-- Vectors that were paid for.
insert into embeddings (tenant_id, embedding_model, text_sha256, vector)
select $1::uuid, $2::text, text_sha256, vector
from unnest($3::bytea[], $4::bytea[]) as made (text_sha256, vector)
on conflict (tenant_id, embedding_model, text_sha256) do update
set vector = excluded.vector, made_at = excluded.made_at, used_at = excluded.used_at
where length(embeddings.vector) <> length(excluded.vector);

-- name: record_spend
-- What vectors have cost; $5 is null where nobody knows the price.
insert into embedding_spend
    (tenant_id, embedding_model, texts, tokens, cost_usd, unpriced_texts)
values ($1::uuid, $2::text, $3::bigint, $4::bigint, coalesce($5::float8, 0),
        case when $5::float8 is null then $3::bigint else 0 end)
on conflict (tenant_id, embedding_model) do update
set texts = embedding_spend.texts + excluded.texts,
    tokens = embedding_spend.tokens + excluded.tokens,
    cost_usd = embedding_spend.cost_usd + excluded.cost_usd,
    unpriced_texts = embedding_spend.unpriced_texts + excluded.unpriced_texts;

-- name: forget_vectors
-- A piece of what nobody used for $1 days; how many went.
with gone as (
    delete from embeddings
    where ctid = any (array(
        select ctid from embeddings
        where used_at < now() - make_interval(secs => $1::float8 * 86400)
        limit $2::int))
    returning 1
)
select count(*)::int from gone;

-- name: say_again
-- Versions that the index is silent about: after $1 seconds when one that was said later is whole,
-- after $2 anyway, and twice as long each time. Their batches are said again under other ids.
with works as materialized (
    select max(said_at) as said_at from jobs where state = 'done'
), silent as (
    select jobs.document_id, jobs.document_version
    from jobs
    cross join works
    where jobs.state = 'said' and jobs.repeats < $3::int
        and coalesce(jobs.said_at, jobs.created_at) < now() - make_interval(
            secs => power(2, jobs.repeats) * case when works.said_at > jobs.said_at
                                                  then $1::float8 else $2::float8 end)
    order by jobs.said_at
    limit 50
    for update of jobs skip locked
)
update jobs
set state = 'open', next_batch = 1, repeats = jobs.repeats + 1, tries = 0, run_after = now(),
    lease_until = null, said_at = null, priority = 1
from silent
where jobs.document_id = silent.document_id
    and jobs.document_version = silent.document_version
returning jobs.tenant_id, jobs.document_id, jobs.document_version, jobs.state, jobs.code,
          jobs.repairs;

-- name: find_given_up
-- Versions that were said often enough.
select tenant_id, document_id, document_version, state, code, repairs
from jobs
where state = 'said' and repeats >= $2::int
    and said_at < now() - make_interval(secs => $1::float8)
limit 50;

-- name: find_platform_failures
-- Newest versions that failed for one of these reasons and whose time has come again.
select jobs.tenant_id, jobs.document_id, jobs.document_version, jobs.state, jobs.code, jobs.repairs
from jobs
join documents on documents.document_id = jobs.document_id
    and documents.latest_version = jobs.document_version
where jobs.state = 'failed' and jobs.code = any ($1::text[]) and jobs.repairs < $3::int
    and jobs.failed_at < now() - make_interval(secs => $2::float8 * power(4, jobs.repairs))
order by jobs.failed_at
limit 20;

-- name: find_disagreeing
-- Documents, quiet for a while, that show something else than what their newest version is.
with shown as (
    select documents.tenant_id, documents.document_id, documents.latest_version,
           documents.stage in ('ready', 'failed') as is_end,
           case when jobs.document_id is null then 'missing' else jobs.state end as state,
           jobs.code, coalesce(jobs.repairs, 0) as repairs
    from documents
    left join jobs on jobs.document_id = documents.document_id
        and jobs.document_version = documents.latest_version
    where documents.updated_at < now() - make_interval(secs => $1::float8)
        and (documents.stage not in ('ready', 'failed')
             or jobs.state in ('open', 'said') and jobs.document_id is not null)
)
select tenant_id, document_id, latest_version as document_version, state, code, repairs
from shown
where is_end <> (state not in ('open', 'said'))
limit 50;

-- name: show_state
-- A document as its newest version is.
update documents
set stage = case jobs.state when 'done' then 'ready' when 'said' then 'storing' else 'queued' end,
    percent = case jobs.state when 'done' then 100 when 'said' then 95 else 0 end,
    code = null, detail = null, work = null, updated_at = now()
from jobs
where documents.document_id = $1::uuid and documents.latest_version = $2::int
    and jobs.document_id = documents.document_id and jobs.document_version = $2::int;

-- name: count_backlog
-- Versions to be built and to be confirmed, and how long the oldest one waits.
select count(*) filter (where state = 'open')::int as open,
       count(*) filter (where state = 'said')::int as said,
       coalesce(extract(epoch from now() - min(run_after) filter (where state = 'open')),
                0)::float8 as oldest_seconds
from jobs
where state in ('open', 'said');

-- name: find_reindexings
-- Whose documents are redone.
select tenant_id from reindexings order by requested_at;

-- name: hold_reindexing
-- Only one walks through a tenant's documents at a time.
select reason, after_id from reindexings where tenant_id = $1::uuid for update skip locked;

-- name: count_later
-- Versions of the redoing that are not whole yet.
select count(*)::int from jobs
where tenant_id = $1::uuid and state in ('open', 'said') and priority = 1;

-- name: next_documents
-- Documents after the one that was looked at last.
select document_id
from documents
where tenant_id = $1::uuid and ($2::uuid is null or document_id > $2::uuid)
order by document_id
limit $3::int;

-- name: move_reindexing
-- Documents up to this one were looked at.
update reindexings set after_id = $2::uuid where tenant_id = $1::uuid;

-- name: end_reindexing
-- All documents were looked at.
delete from reindexings where tenant_id = $1::uuid;
