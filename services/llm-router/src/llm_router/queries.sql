-- name: save_tenant
-- Keep what a tenant chose, unless a newer revision is already here.
insert into tenants (tenant_id, revision, state, model, fallback_models, embedding_model)
values ($1::uuid, $2::bigint, $3::text, $4::text, $5::text[], $6::text)
on conflict (tenant_id) do update
set revision = excluded.revision,
    state = excluded.state,
    model = excluded.model,
    fallback_models = excluded.fallback_models,
    embedding_model = excluded.embedding_model,
    updated_at = now()
where tenants.revision < excluded.revision;

-- name: find_tenant
-- What a tenant chose.
select tenant_id, revision, state, model, fallback_models, embedding_model
from tenants
where tenant_id = $1::uuid;

-- name: has_tenants
-- Whether any tenant is known; an empty database asks for the configuration again.
select exists (select 1 from tenants);
