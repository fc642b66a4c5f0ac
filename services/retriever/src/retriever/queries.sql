-- name: keep_tenant
-- The newest revision of a tenant's settings wins.
insert into tenants (tenant_id, revision, keyword_weight, vector_weight)
values ($1::uuid, $2::bigint, $3::float8, $4::float8)
on conflict (tenant_id) do update
set revision = excluded.revision,
    keyword_weight = excluded.keyword_weight,
    vector_weight = excluded.vector_weight
where tenants.revision < excluded.revision;

-- name: count_tenants
-- Whether this database has heard any configuration yet.
select count(*) from tenants;

-- name: mark_tenant_removed
-- Every document of a removed tenant meets late batches with the mark of a removed one.
update documents set removed_at = coalesce(removed_at, now()) where tenant_id = $1::uuid;

-- name: retire_tenant_versions
-- Nothing of a removed tenant is seen any more.
update document_versions set state = 'gone' where tenant_id = $1::uuid and state <> 'gone';

-- name: lock_document
-- One at a time for what happens to a document; tells whether it was removed.
insert into documents (document_id, tenant_id)
values ($2::uuid, $1::uuid)
on conflict (document_id) do update set tenant_id = documents.tenant_id
returning removed_at is not null as removed;

-- name: live_version
-- The version that answers now.
select document_version, passages
from document_versions
where tenant_id = $1::uuid and document_id = $2::uuid and state = 'live';

-- name: find_or_begin_version
-- The version that is stored aside; the language decides how its words are stemmed.
insert into document_versions
    (tenant_id, document_id, document_version, state, title, language, configuration,
     embedding_model, dimensions, batches, passages_total)
values
    ($1::uuid, $2::uuid, $3::int, 'aside', $4::text, $5::text,
     coalesce((select cfgname::text from pg_ts_config where cfgname = $6::text), 'simple'),
     $7::text, $8::int, $9::int, $10::int)
on conflict (document_id, document_version) do update set title = excluded.title
returning version_id, configuration;

-- name: claim_batch
-- Nothing is returned when the batch is stored already.
insert into stored_batches (version_id, tenant_id, batch)
values ($1::bigint, $2::uuid, $3::int)
on conflict (version_id, batch) do nothing
returning batch;

-- name: store_passages
-- A batch of passages, their vectors ($12 holds them one after another, $13 values each) and
-- their terms (title, heading and words, stemmed) in one statement.
with given as materialized (
    select passage_id, ordinal, text, page, heading, start_offset, end_offset, token_count, sha256,
           ($12::real[])[(place - 1) * $13::int + 1 : place * $13::int]::halfvec as embedding
    from unnest($3::uuid[], $4::int[], $5::text[], $6::int[], $7::text[],
                $8::int[], $9::int[], $10::int[], $11::text[])
        with ordinality as row (passage_id, ordinal, text, page, heading,
                                start_offset, end_offset, token_count, sha256, place)
), stored as (
    insert into passages
        (passage_id, tenant_id, version_id, ordinal, text, page, heading,
         start_offset, end_offset, token_count, sha256)
    select passage_id, $1::uuid, $2::bigint, ordinal, text, page, heading,
           start_offset, end_offset, token_count, sha256
    from given
    returning passage_key, passage_id
), vector as (
    insert into vectors (passage_key, tenant_id, version_id, dimensions, embedding)
    select stored.passage_key, $1::uuid, $2::bigint, $13::int, given.embedding
    from stored join given using (passage_id)
), found as materialized (
    select stored.passage_key, word.lexeme as term, cardinality(word.positions) as frequency
    from stored
    join given using (passage_id)
    cross join lateral unnest(to_tsvector(
        $14::text::regconfig, concat_ws(E'\n', $15::text, given.heading, given.text))) as word
), posting as (
    insert into postings
        (tenant_id, configuration, term, passage_key, version_id, frequency, length)
    select $1::uuid, $14::text, term, passage_key, $2::bigint, frequency::real,
           sum(frequency) over (partition by passage_key)
    from found
)
update document_versions
set passages = passages + (select count(*) from stored),
    terms = terms + (select coalesce(sum(frequency), 0) from found)
where tenant_id = $1::uuid and version_id = $2::bigint;

-- name: count_stored
-- How far a version is: batches that are in, and passages that have their vector.
select
    (select count(*) from stored_batches
     where tenant_id = $1::uuid and version_id = $2::bigint) as batches,
    (select count(*) from passages
     join vectors using (passage_key)
     where passages.tenant_id = $1::uuid and passages.version_id = $2::bigint) as passages;

-- name: retire_other_versions
-- Older versions of a document, live or aside, are not seen any more.
update document_versions
set state = 'gone'
where tenant_id = $1::uuid and document_id = $2::uuid and document_version < $3::int
    and state <> 'gone';

-- name: make_live
-- From the commit on, searches see this version.
update document_versions
set state = 'live', live_at = now()
where tenant_id = $1::uuid and version_id = $2::bigint;

-- name: retire_versions
-- No version of a document is seen any more; the number of passages that could be found.
with retired as (
    update document_versions as now_gone
    set state = 'gone'
    from (select version_id, state from document_versions
          where tenant_id = $1::uuid and document_id = $2::uuid and state <> 'gone'
          for update) as before
    where now_gone.version_id = before.version_id
    returning before.state, now_gone.passages
)
select coalesce(sum(passages) filter (where state = 'live'), 0)::int from retired;

-- name: mark_removed
-- The mark that late batches meet.
update documents set removed_at = coalesce(removed_at, now())
where tenant_id = $1::uuid and document_id = $2::uuid;

-- name: lock_collection
-- One change of what searches see at a time, tenant by tenant.
insert into collections (tenant_id) values ($1::uuid)
on conflict (tenant_id) do update set revision = collections.revision + 1;

-- name: count_collection
-- After a change: how much there is, and in the vectors of which model most of it is.
update collections
set passages = coalesce(counted.passages, 0),
    embedding_model = counted.embedding_model,
    dimensions = counted.dimensions
from (select 1) as always
left join lateral (
    select sum(sum(passages)) over () as passages, embedding_model, dimensions
    from document_versions
    where tenant_id = $1::uuid and state = 'live'
    group by embedding_model, dimensions
    order by sum(passages) desc, embedding_model
    limit 1
) as counted on true
where collections.tenant_id = $1::uuid;

-- name: search_words
-- True BM25 over the tenant's postings: idf and mean length of each language's passages, the
-- question's own term frequency, live versions only. Coverage is the share of the question's
-- idf that a passage holds. $3 candidates, $4 k1, $5 b; the casts keep 1.2 from becoming 1.
with live as materialized (
    select configuration,
           sum(passages)::float8 as passages,
           greatest(sum(terms)::float8 / greatest(sum(passages), 1), 1) as mean_length
    from document_versions
    where tenant_id = $1::uuid and state = 'live'
    group by configuration
), asked as materialized (
    select row_number() over () as number, live.configuration, word.lexeme as term,
           cardinality(word.positions)::float8 as times, live.passages, live.mean_length
    from live
    cross join lateral unnest(to_tsvector(live.configuration::regconfig, $2::text)) as word
), unseen as materialized (
    select array(
        select version_id from document_versions
        where tenant_id = $1::uuid and state <> 'live') as versions
), hits as materialized (
    select asked.number, posting.passage_key, posting.frequency, posting.length
    from asked
    cross join lateral (
        select passage_key, version_id, frequency, length
        from postings
        where tenant_id = $1::uuid
            and configuration = asked.configuration
            and term = asked.term
        offset 0
    ) as posting
    where posting.version_id <> all ((select versions from unseen)::bigint[])
), counted as materialized (
    select number, count(*)::float8 as passages from hits group by number
), rare as materialized (
    select asked.number, asked.configuration, asked.times, asked.mean_length,
           ln(1 + (asked.passages - coalesce(counted.passages, 0) + 0.5)
                / (coalesce(counted.passages, 0) + 0.5)) as idf
    from asked
    left join counted using (number)
), weighed as materialized (
    select number, times * idf * ($4::float8 + 1) as weight,
           $4::float8 * (1 - $5::float8) as flat,
           $4::float8 * $5::float8 / mean_length as by_length,
           idf / sum(idf) over (partition by configuration) as share
    from rare
), scored as materialized (
    select hits.passage_key,
           sum(weighed.weight * hits.frequency
               / (hits.frequency + weighed.flat + weighed.by_length * hits.length)) as score,
           sum(weighed.share) as coverage
    from hits
    join weighed using (number)
    group by hits.passage_key
    order by score desc, hits.passage_key
    limit $3::int
)
select
    collections.revision, collections.passages, collections.embedding_model,
    collections.dimensions, tenants.keyword_weight, tenants.vector_weight,
    exists (select from document_versions
            where tenant_id = $1::uuid and state <> 'gone') as any_version,
    found.keys, found.scores, found.coverages
from (select $1::uuid as tenant_id) as asker
left join collections on collections.tenant_id = $1::uuid
left join tenants on tenants.tenant_id = $1::uuid
left join lateral (
    select array_agg(passage_key order by score desc, passage_key) as keys,
           array_agg(score order by score desc, passage_key) as scores,
           array_agg(coverage order by score desc, passage_key) as coverages
    from scored
) as found on true;

-- name: search_vectors_exactly
-- Every vector of a small tenant is compared: `+ 0` keeps the planner from the shared HNSW index,
-- which would look at everybody's vectors first. $3 candidates, $4 the model of the question.
with near as (
    select passage_key, 1 - (embedding <=> $2::real[]::halfvec) as similarity
    from vectors
    where tenant_id = $1::uuid
        and dimensions = $5::int
        and version_id <> all (array(
            select version_id from document_versions
            where tenant_id = $1::uuid and (state <> 'live' or embedding_model <> $4::text)))
    order by (embedding <=> $2::real[]::halfvec) + 0
    limit $3::int
)
select
    (select revision from collections where tenant_id = $1::uuid) as revision,
    array_agg(passage_key order by similarity desc, passage_key) as keys,
    array_agg(similarity order by similarity desc, passage_key) as similarities
from near;

-- name: search_vectors_near
-- The HNSW index of these dimensions ({dimensions} is one of a fixed list) for a large tenant;
-- the scan goes on until enough of the tenant's own are found.
with near as (
    select passage_key,
           1 - (embedding::halfvec({dimensions}) <=> $2::real[]::halfvec({dimensions})) as similarity
    from vectors
    where tenant_id = $1::uuid
        and dimensions = {dimensions}
        and dimensions = $5::int
        and version_id <> all (array(
            select version_id from document_versions
            where tenant_id = $1::uuid and (state <> 'live' or embedding_model <> $4::text)))
    order by embedding::halfvec({dimensions}) <=> $2::real[]::halfvec({dimensions})
    limit $3::int
)
select
    (select revision from collections where tenant_id = $1::uuid) as revision,
    array_agg(passage_key order by similarity desc, passage_key) as keys,
    array_agg(similarity order by similarity desc, passage_key) as similarities
from near;

-- name: scan_on
-- How far the HNSW index is followed, for this transaction only.
select set_config('hnsw.iterative_scan', 'relaxed_order', true),
       set_config('hnsw.ef_search', $1::text, true),
       set_config('enable_seqscan', 'off', true),
       set_config('enable_sort', 'off', true);

-- name: read_passages
-- The words of live passages, and the revision they were read at.
select
    (select revision from collections where tenant_id = $1::uuid) as revision,
    passages.passage_key,
    passages.passage_id,
    document_versions.document_id,
    document_versions.document_version,
    document_versions.title,
    passages.page,
    passages.heading,
    passages.text,
    passages.sha256
from passages
join document_versions using (version_id)
where passages.tenant_id = $1::uuid
    and document_versions.tenant_id = $1::uuid
    and document_versions.state = 'live'
    and passages.passage_key = any ($2::bigint[]);

-- name: hold_collection
-- Keeps every change of the index waiting while a search that was overtaken reads it once more.
select revision from collections where tenant_id = $1::uuid for share;

-- name: claim_gone
-- A version to clean away, that nobody else is cleaning; for the platform, not for a tenant.
select version_id from document_versions
where state = 'gone'
order by version_id
limit 1
for update skip locked;

-- name: clean_postings
-- A piece of a version's terms.
delete from postings
where ctid = any (array(select ctid from postings where version_id = $1::bigint limit $2::int));

-- name: clean_vectors
-- A piece of a version's vectors.
delete from vectors
where ctid = any (array(select ctid from vectors where version_id = $1::bigint limit $2::int));

-- name: clean_passages
-- A piece of a version's words.
delete from passages
where ctid = any (array(select ctid from passages where version_id = $1::bigint limit $2::int));

-- name: clean_version
-- The version itself, when nothing hangs on it any more.
delete from document_versions where version_id = $1::bigint and state = 'gone';
