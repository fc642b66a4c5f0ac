-- name: keep_tenant
-- The newest revision of a tenant's settings wins.
insert into tenants (tenant_id, revision, keyword_weight, vector_weight, search)
values ($1::uuid, $2::bigint, $3::float8, $4::float8, $5::text::jsonb)
on conflict (tenant_id) do update
set revision = excluded.revision,
    keyword_weight = excluded.keyword_weight,
    vector_weight = excluded.vector_weight,
    search = excluded.search
where tenants.revision < excluded.revision;

-- name: count_tenants
-- Whether this database has heard any configuration yet.
select count(*) from tenants;

-- name: mark_tenant_removed
-- Every document of a removed tenant meets late batches with the mark of a removed one.
update documents set removed_at = coalesce(removed_at, now()) where tenant_id = $1::uuid;

-- name: retire_tenant_versions
-- Nothing of a removed tenant is seen any more.
update document_versions set state = 'gone', gone_at = now()
where tenant_id = $1::uuid and state <> 'gone';

-- name: forget_tenant_properties
-- Nor is anything kept of what it chose.
delete from document_properties where tenant_id = $1::uuid;

-- name: lock_document
-- One at a time for what happens to a document; tells whether it was removed, and the newest
-- version that ever answered.
insert into documents (document_id, tenant_id)
values ($2::uuid, $1::uuid)
on conflict (document_id) do update set tenant_id = documents.tenant_id
returning removed_at is not null as removed, newest_version;

-- name: live_version
-- The version that answers now.
select version_id, document_version, passages
from document_versions
where tenant_id = $1::uuid and document_id = $2::uuid and state = 'live';

-- name: find_or_begin_version
-- The version that is stored aside; the language decides how its words are stemmed.
insert into document_versions
    (tenant_id, document_id, document_version, state, title, language, configuration,
     embedding_model, dimensions, batches, passages_total, rows_left)
values
    ($1::uuid, $2::uuid, $3::int, 'aside', $4::text, $5::text,
     coalesce((select cfgname::text from pg_ts_config where cfgname = $6::text), 'simple'),
     $7::text, $8::int, $9::int, $10::int, false)
on conflict (document_id, document_version) do update set title = excluded.title
returning version_id, configuration, state;

-- name: claim_batch
-- Nothing is returned when the batch is stored already.
insert into stored_batches (version_id, tenant_id, batch)
values ($1::bigint, $2::uuid, $3::int)
on conflict (version_id, batch) do nothing
returning batch;

-- name: store_passages
-- A batch of passages and their vectors ($12 holds them one after another, $13 values each);
-- answers the terms of each (title, heading and words, stemmed), which are packed afterwards.
with given as materialized (
    select passage_id, ordinal, text, page, heading, start_offset, end_offset, token_count, sha256,
           parent_start, parent_end,
           ($12::real[])[(place - 1) * $13::int + 1 : place * $13::int]::halfvec as embedding
    from unnest($3::uuid[], $4::int[], $5::text[], $6::int[], $7::text[],
                $8::int[], $9::int[], $10::int[], $11::text[], $16::int[], $17::int[])
        with ordinality as row (passage_id, ordinal, text, page, heading, start_offset,
                                end_offset, token_count, sha256, parent_start, parent_end, place)
), stored as (
    insert into passages
        (passage_id, tenant_id, version_id, ordinal, text, page, heading,
         start_offset, end_offset, token_count, sha256, parent_start, parent_end)
    select passage_id, $1::uuid, $2::bigint, ordinal, text, page, heading,
           start_offset, end_offset, token_count, sha256, parent_start, parent_end
    from given
    order by ordinal
    returning passage_key, passage_id
), vector as (
    insert into vectors (passage_key, tenant_id, version_id, dimensions, embedding)
    select stored.passage_key, $1::uuid, $2::bigint, $13::int, given.embedding
    from stored join given using (passage_id)
)
select stored.passage_key, found.terms, found.frequencies
from stored
join given using (passage_id)
cross join lateral (
    select array_agg(word.lexeme) as terms,
           array_agg(cardinality(word.positions)) as frequencies
    from unnest(to_tsvector(
        $14::text::regconfig, concat_ws(E'\n', $15::text, given.heading, given.text))) as word
) as found
order by stored.passage_key;

-- name: count_words
-- What a batch added to its version.
update document_versions
set passages = passages + $3::int, terms = terms + $4::bigint
where tenant_id = $1::uuid and version_id = $2::bigint;

-- name: add_segment
-- A packed segment with its pages.
with segment as (
    insert into segments
        (tenant_id, configuration, passages, postings, versions, first_terms, roll)
    values ($1::uuid, $2::text, $3::int, $4::bigint, $5::bigint[], $6::text[], $7::bytea)
    returning segment_id
)
insert into segment_pages (segment_id, tenant_id, page, data)
select segment.segment_id, $1::uuid, given.place - 1, given.data
from segment
cross join unnest($8::bytea[]) with ordinality as given (data, place);

-- name: count_stored
-- Batches and passages with vectors of a version, as they are in the tables.
select
    (select count(*) from stored_batches
     where version_id = $2::bigint and tenant_id = $1::uuid)::int as batches,
    (select count(*) from vectors
     where version_id = $2::bigint and tenant_id = $1::uuid)::int as passages;

-- name: retire_older_versions
-- The version that answered is kept for a while; what was kept before it, and what older ones
-- stand aside, is not needed any more.
update document_versions
set state = case state when 'live' then 'kept' else 'gone' end,
    superseded_at = case state when 'live' then now() else superseded_at end,
    gone_at = case state when 'live' then null else now() end
where tenant_id = $1::uuid and document_id = $2::uuid and version_id <> $4::bigint
    and (state in ('live', 'kept') or (state = 'aside' and document_version < $3::int));

-- name: make_live
-- From the commit on, searches see this version.
update document_versions
set state = 'live', live_at = now(), superseded_at = null
where tenant_id = $1::uuid and version_id = $2::bigint;

-- name: note_newest_version
-- Batches of this version and of older ones that come from now on are late.
update documents set newest_version = greatest(newest_version, $3::int)
where tenant_id = $1::uuid and document_id = $2::uuid;

-- name: supersede_live
-- The version that answers is kept, for another one to answer.
update document_versions
set state = 'kept', superseded_at = now()
where tenant_id = $1::uuid and document_id = $2::uuid and state = 'live';

-- name: find_kept
-- A version that can be brought back: $3, or the one that answered last; locked, because its
-- keeping may be ending right now.
select version_id, document_version, passages
from document_versions
where tenant_id = $1::uuid and document_id = $2::uuid and state = 'kept'
    and ($3::int is null or document_version = $3::int)
order by superseded_at desc
limit 1
for update;

-- name: retire_versions
-- No version of a document is seen any more; the number of passages that could be found.
with retired as (
    update document_versions as now_gone
    set state = 'gone', gone_at = now()
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

-- name: forget_properties
-- What was chosen for a removed document is of no use.
delete from document_properties where tenant_id = $1::uuid and document_id = $2::uuid;

-- name: keep_properties
-- The newest revision of what a tenant chose for a document wins; nothing is returned when this
-- one is late.
insert into document_properties
    (tenant_id, document_id, revision, enabled, expires_at, tags, metadata, document_kind,
     source_url, external_id)
values ($1::uuid, $2::uuid, $3::bigint, $4::boolean, $5::timestamptz, $6::text[],
        $7::text::jsonb, $8::text, $9::text, $10::text)
on conflict (document_id) do update
set revision = excluded.revision,
    enabled = excluded.enabled,
    expires_at = excluded.expires_at,
    tags = excluded.tags,
    metadata = excluded.metadata,
    document_kind = excluded.document_kind,
    source_url = excluded.source_url,
    external_id = excluded.external_id
where document_properties.revision < excluded.revision
returning revision;

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

-- name: list_passages
-- What of a document can be found, in order, up to $5 characters of words and one passage more.
with page as materialized (
    select passages.passage_id, passages.ordinal, passages.text, passages.page, passages.heading,
           passages.start_offset, passages.end_offset, passages.token_count,
           passages.parent_start, passages.parent_end,
           sum(length(passages.text)) over (order by passages.ordinal) - length(passages.text)
               as characters_before
    from passages
    where passages.tenant_id = $1::uuid and passages.version_id = $2::bigint
        and passages.ordinal >= $3::int
    order by passages.ordinal
    limit $4::int
)
select passage_id, ordinal, text, page, heading, start_offset, end_offset, token_count,
       parent_start, parent_end
from page
where characters_before < $5::int
order by ordinal;

-- name: is_document_known
-- Whether a document was ever heard of and not removed.
select exists (select from documents
               where tenant_id = $1::uuid and document_id = $2::uuid and removed_at is null);

-- name: open_search
-- The state of a tenant's index, the time, its settings, and the question ($2) stemmed by each
-- configuration of $3; $4 are the question's words, for telling which word became which term.
with asked as materialized (
    select each.configuration, word.lexeme, cardinality(word.positions) as times
    from unnest($3::text[]) as each (configuration)
    cross join lateral unnest(to_tsvector(each.configuration::regconfig, $2::text)) as word
), worded as materialized (
    select each.configuration, given.word, stem.lexeme
    from unnest($3::text[]) as each (configuration)
    cross join unnest($4::text[]) as given (word)
    cross join lateral unnest(to_tsvector(each.configuration::regconfig, given.word)) as stem
)
select
    collections.revision, collections.layout, extract(epoch from clock_timestamp())::float8 as now,
    tenants.keyword_weight, tenants.vector_weight, tenants.search,
    exists (select from document_versions
            where tenant_id = $1::uuid and state in ('live', 'aside', 'kept')) as any_version,
    (select array_agg(configuration order by configuration, lexeme) from asked) as configurations,
    (select array_agg(lexeme order by configuration, lexeme) from asked) as lexemes,
    (select array_agg(times order by configuration, lexeme) from asked) as times,
    (select array_agg(configuration order by configuration, word) from worded)
        as word_configurations,
    (select array_agg(word order by configuration, word) from worded) as words,
    (select array_agg(lexeme order by configuration, word) from worded) as word_lexemes
from (select $1::uuid as tenant_id) as asker
left join collections on collections.tenant_id = $1::uuid
left join tenants on tenants.tenant_id = $1::uuid;

-- name: read_state
-- The live versions a filter lets through ($2 documents, $3 kinds, $4 any of these tags, $5 all of
-- these tags, $6 metadata, $7 languages; null: no condition), in groups that are alike.
with live as materialized (
    select answering.version_id, answering.configuration, answering.embedding_model,
           answering.dimensions, answering.passages, answering.terms, answering.rows_left,
           coalesce(chosen.enabled, true) as enabled,
           extract(epoch from chosen.expires_at)::float8 as expires
    from document_versions as answering
    left join document_properties as chosen
        on chosen.document_id = answering.document_id and chosen.tenant_id = $1::uuid
    where answering.tenant_id = $1::uuid
        and answering.state = 'live'
        and ($2::uuid[] is null or answering.document_id = any ($2::uuid[]))
        and ($3::text[] is null or coalesce(chosen.document_kind, 'file') = any ($3::text[]))
        and ($4::text[] is null or chosen.tags && $4::text[])
        and ($5::text[] is null or chosen.tags @> $5::text[])
        and ($6::text is null or chosen.metadata @> $6::text::jsonb)
        and ($7::text[] is null or lower(answering.language) = any ($7::text[])
             or split_part(lower(answering.language), '-', 1) = any ($7::text[]))
), alike as materialized (
    select configuration, embedding_model, dimensions, enabled, expires, rows_left,
           count(*)::int as documents,
           sum(passages)::bigint as passages,
           sum(terms)::bigint as terms,
           string_agg(int8send(version_id), ''::bytea) as versions
    from live
    group by configuration, embedding_model, dimensions, enabled, expires, rows_left
)
select
    (select revision from collections where tenant_id = $1::uuid) as revision,
    (select layout from collections where tenant_id = $1::uuid) as layout,
    array(select segment_id from segments
          where tenant_id = $1::uuid and replaced_at is null order by segment_id) as segments,
    alike.configuration, alike.embedding_model, alike.dimensions, alike.enabled, alike.expires,
    alike.rows_left, alike.documents, alike.passages, alike.terms, alike.versions
from (select $1::uuid as tenant_id) as asker
left join alike on true
order by alike.configuration, alike.embedding_model, alike.dimensions;

-- name: read_segments
-- Passages and pages' first terms of segments.
select segment_id, configuration, roll, first_terms
from segments
where tenant_id = $1::uuid and segment_id = any ($2::bigint[]);

-- name: read_pages
-- Pages of segments, by pairs of segment and page.
select pages.segment_id, pages.page, pages.data
from unnest($2::bigint[], $3::int[]) as wanted (segment_id, page)
join segment_pages as pages
    on pages.segment_id = wanted.segment_id and pages.page = wanted.page
where pages.tenant_id = $1::uuid;

-- name: read_rows
-- Postings that are still rows, of these versions ($2), for pairs of configuration and term; each
-- with the layout it was read at.
select (select layout from collections where tenant_id = $1::uuid) as layout,
       array_agg(posting.configuration) as configurations,
       array_agg(posting.term) as terms,
       array_agg(posting.passage_key) as keys,
       array_agg(posting.version_id) as versions,
       array_agg(posting.frequency::int) as frequencies,
       array_agg(posting.length::int) as lengths
from unnest($3::text[], $4::text[]) as asked (configuration, term)
join postings as posting
    on posting.configuration = asked.configuration and posting.term = asked.term
where posting.tenant_id = $1::uuid and posting.version_id = any ($2::bigint[]);

-- name: count_vectors
-- About how many vectors everybody has; the planner's figure.
select reltuples::bigint from pg_class where oid = 'vectors'::regclass;

-- name: search_vectors_exactly
-- Every vector of a tenant is compared, once: `+ 0` keeps the planner from the shared HNSW index,
-- which would look at everybody's vectors first. $5: versions that answer, but not in this search.
with near as (
    select passage_key, (embedding <=> (select $2::real[]::halfvec)) + 0 as distance
    from vectors
    where tenant_id = $1::uuid
        and dimensions = $4::int
        and version_id not in (
            select version_id from document_versions
            where tenant_id = $1::uuid and state in ('aside', 'kept', 'gone')
            union all
            select unnest($5::bigint[]))
    order by distance
    limit $3::int
)
select
    (select revision from collections where tenant_id = $1::uuid) as revision,
    array_agg(passage_key order by distance, passage_key) as keys,
    array_agg(1 - distance order by distance, passage_key) as similarities
from near;

-- name: search_vectors_of_versions
-- Every vector of a few versions ($5) is compared.
with near as (
    select vectors.passage_key,
           (vectors.embedding <=> (select $2::real[]::halfvec)) + 0 as distance
    from unnest($5::bigint[]) as allowed (version_id)
    join vectors on vectors.version_id = allowed.version_id
    where vectors.tenant_id = $1::uuid and vectors.dimensions = $4::int
    order by distance
    limit $3::int
)
select
    (select revision from collections where tenant_id = $1::uuid) as revision,
    array_agg(passage_key order by distance, passage_key) as keys,
    array_agg(1 - distance order by distance, passage_key) as similarities
from near;

-- name: search_vectors_near
-- The HNSW index of these dimensions ({dimensions} is one of a fixed list) for a large tenant;
-- the scan goes on until enough of the tenant's own are found.
with near as (
    select passage_key,
           embedding::halfvec({dimensions}) <=> (select $2::real[]::halfvec({dimensions}))
               as distance
    from vectors
    where tenant_id = $1::uuid
        and dimensions = {dimensions}
        and dimensions = $4::int
        and version_id not in (
            select version_id from document_versions
            where tenant_id = $1::uuid and state in ('aside', 'kept', 'gone')
            union all
            select unnest($5::bigint[]))
    order by embedding::halfvec({dimensions}) <=> (select $2::real[]::halfvec({dimensions}))
    limit $3::int
)
select
    (select revision from collections where tenant_id = $1::uuid) as revision,
    array_agg(passage_key order by distance, passage_key) as keys,
    array_agg(1 - distance order by distance, passage_key) as similarities
from near;

-- name: scan_on
-- How far the HNSW index is followed, for this transaction only.
select set_config('hnsw.iterative_scan', 'relaxed_order', true),
       set_config('hnsw.ef_search', $1::text, true),
       set_config('hnsw.max_scan_tuples', $2::text, true),
       set_config('enable_seqscan', 'off', true),
       set_config('enable_sort', 'off', true);

-- name: read_passages
-- The words of live passages, and the revision they were read at.
-- `offset 0`: passage by passage; a statement planned once would look at all that a tenant has.
select
    (select revision from collections where tenant_id = $1::uuid) as revision,
    found.passage_key,
    found.passage_id,
    found.version_id,
    document_versions.document_id,
    document_versions.document_version,
    document_versions.title,
    found.ordinal,
    found.page,
    found.heading,
    found.text,
    found.start_offset,
    found.end_offset,
    found.token_count,
    found.parent_start,
    found.parent_end,
    coalesce(chosen.document_kind, 'file') as document_kind,
    chosen.source_url
from unnest($2::bigint[]) as wanted (passage_key)
cross join lateral (
    select passages.passage_key, passages.passage_id, passages.version_id, passages.ordinal,
           passages.page, passages.heading, passages.text, passages.start_offset,
           passages.end_offset, passages.token_count, passages.parent_start, passages.parent_end
    from passages
    where passages.passage_key = wanted.passage_key
        and passages.tenant_id is not distinct from $1::uuid
    offset 0
) as found
join document_versions on document_versions.version_id = found.version_id
left join document_properties as chosen
    on chosen.document_id = document_versions.document_id
    and chosen.tenant_id is not distinct from $1::uuid
where document_versions.tenant_id is not distinct from $1::uuid
    and document_versions.state = 'live';

-- name: read_siblings
-- Passages beside found ones: of each wanted key ($2) those of its version ($3) whose ordinals
-- ($6 false) or offsets ($6 true) meet the range $4 to $5.
select
    (select revision from collections where tenant_id = $1::uuid) as revision,
    wanted.passage_key, beside.ordinal, beside.start_offset, beside.end_offset, beside.text
from unnest($2::bigint[], $3::bigint[], $4::int[], $5::int[], $6::boolean[])
    as wanted (passage_key, version_id, first, last, by_offset)
join document_versions as answering
    on answering.version_id = wanted.version_id and answering.state = 'live'
join passages as beside on beside.version_id = wanted.version_id
where beside.tenant_id = $1::uuid
    and answering.tenant_id = $1::uuid
    and case when wanted.by_offset
             then beside.start_offset < wanted.last and beside.end_offset > wanted.first
             else beside.ordinal between wanted.first and wanted.last end
order by wanted.passage_key, beside.ordinal;

-- name: hold_collection
-- Keeps every change of the index waiting while a search that was overtaken reads it once more.
select revision from collections where tenant_id = $1::uuid for share;

-- name: end_keeping
-- Versions that were kept long enough; for the platform, not for a tenant.
update document_versions set state = 'gone', gone_at = now()
where state = 'kept' and superseded_at < now() - $1::float8 * interval '1 day';

-- name: claim_gone
-- A version to clean away, that nobody else is cleaning; for the platform, not for a tenant.
select version_id from document_versions
where state = 'gone' and not emptied
order by version_id
limit 1
for update skip locked;

-- name: clean_postings
-- A piece of a version's terms that are still rows.
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

-- name: note_emptied
-- Only segments may still hold words of this version.
update document_versions set emptied = true, rows_left = false where version_id = $1::bigint;

-- name: clean_versions
-- Versions that nothing holds any more.
delete from document_versions
where state = 'gone' and emptied
    and version_id not in (
        select unnest(segments.versions) from segments
        where segments.replaced_at is null
            and segments.tenant_id in (
                select emptied_one.tenant_id from document_versions as emptied_one
                where emptied_one.state = 'gone'));

-- name: clean_segments
-- Segments that were replaced so long ago that no search can be reading them.
delete from segments
where segment_id = any (array(
    select segment_id from segments
    where replaced_at < now() - $1::float8 * interval '1 second'
    limit $2::int));

-- name: find_crowded
-- A tenant's language with enough segments of like size to make one of them; $1 bounds of the
-- sizes, $2 how many are enough.
select tenant_id, configuration, array_agg(segment_id order by segment_id) as segments,
       array_agg(passages order by segment_id) as passages
from segments
where replaced_at is null and passages < ($1::int[])[cardinality($1::int[])]
group by tenant_id, configuration, width_bucket(passages, $1::int[])
having count(*) >= $2::int
limit 1;

-- name: find_wasted
-- A segment much of which is gone ($1 a share), or some of which has been for long ($2 days).
select segments.tenant_id, segments.configuration, array[segments.segment_id] as segments,
       array[segments.passages] as passages
from segments
cross join lateral unnest(segments.versions) as held (version_id)
join document_versions
    on document_versions.version_id = held.version_id and document_versions.state = 'gone'
where segments.replaced_at is null
    and segments.tenant_id in (
        select gone.tenant_id from document_versions as gone where gone.state = 'gone')
group by segments.segment_id
having sum(document_versions.passages) >= $1::float8 * segments.passages
    or min(document_versions.gone_at) < now() - $2::float8 * interval '1 day'
limit 1;

-- name: claim_segments
-- Segments to make one of, locked against other processes that would do the same.
select segment_id, roll
from segments
where tenant_id = $1::uuid and segment_id = any ($2::bigint[]) and replaced_at is null
order by segment_id
for update skip locked;

-- name: read_whole_segments
-- All pages of segments, in order.
select segment_id, data from segment_pages
where tenant_id = $1::uuid and segment_id = any ($2::bigint[])
order by segment_id, page;

-- name: find_gone
-- Those of some versions that are gone.
select given.version_id
from unnest($2::bigint[]) as given (version_id)
where not exists (
    select from document_versions
    where tenant_id = $1::uuid and version_id = given.version_id and state <> 'gone');

-- name: replace_segments
-- Others hold the same content from the commit on.
update segments set replaced_at = now()
where tenant_id = $1::uuid and segment_id = any ($2::bigint[]);

-- name: raise_layout
-- Searches must look for the segments anew.
insert into collections (tenant_id, layout) values ($1::uuid, 1)
on conflict (tenant_id) do update set layout = collections.layout + 1;

-- name: find_rows_version
-- A version whose words are still rows.
select tenant_id, version_id, configuration
from document_versions
where rows_left and state in ('live', 'kept')
order by version_id
limit 1;

-- name: take_rows
-- The rows of a few of a version's passages, to be packed.
delete from postings
where tenant_id = $1::uuid and version_id = $2::bigint
    and passage_key = any (array(
        select passage_key from passages
        where tenant_id = $1::uuid and version_id = $2::bigint and passage_key > $3::bigint
        order by passage_key
        limit $4::int))
returning passage_key, term, frequency::int;

-- name: first_row
-- The first passage of a version whose words are still rows; null: there is none.
select min(passage_key) from postings where tenant_id = $1::uuid and version_id = $2::bigint;

-- name: note_packed
-- No word of this version is a row any more.
update document_versions set rows_left = false
where tenant_id = $1::uuid and version_id = $2::bigint;
