-- name: read_vectors
-- The vectors of found passages, as halfvec's binary form: two lengths of 16 bits, then float16.
select vectors.passage_key, document_versions.embedding_model,
       halfvec_send(vectors.embedding) as packed
from vectors
join document_versions using (version_id)
where vectors.tenant_id = $1::uuid
    and document_versions.tenant_id = $1::uuid
    and document_versions.state = 'live'
    and vectors.passage_key = any ($2::bigint[]);

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
