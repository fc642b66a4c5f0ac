-- name: read_vectors
-- The vectors of found passages, as halfvec's binary form: two lengths of 16 bits, then float16.
-- `offset 0`: passage by passage; a statement planned once would look at all that a tenant has.
select found.passage_key, document_versions.embedding_model, found.packed
from unnest($2::bigint[]) as wanted (passage_key)
cross join lateral (
    select vectors.passage_key, vectors.version_id, halfvec_send(vectors.embedding) as packed
    from vectors
    where vectors.passage_key = wanted.passage_key
        and vectors.tenant_id is not distinct from $1::uuid
    offset 0
) as found
join document_versions on document_versions.version_id = found.version_id
where document_versions.tenant_id is not distinct from $1::uuid
    and document_versions.state = 'live';

-- name: sample_vectors
-- Vectors of one model, the same ones as long as nothing changes, for measuring how alike
-- passages are that have nothing to do with each other.
select document_versions.document_id, halfvec_send(vectors.embedding) as packed
from vectors
join document_versions using (version_id)
where vectors.tenant_id = $1::uuid
    and document_versions.tenant_id = $1::uuid
    and document_versions.state = 'live'
    and document_versions.embedding_model = $2::text
order by hashint8(vectors.passage_key)
limit $3::int;
