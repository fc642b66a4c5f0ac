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

-- name: record_spends
-- One ledger row for each call.
insert into spends (
    spend_id, tenant_id, correlation_id, conversation_id, purpose, model, input_tokens,
    output_tokens, estimated, cost_usd, milliseconds, outcome, occurred_at
)
select spend_id, tenant_id, correlation_id, conversation_id, purpose, model, input_tokens,
    output_tokens, estimated, cost_usd, milliseconds, outcome, occurred_at
from unnest(
    $1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::text[], $6::text[], $7::int[], $8::int[],
    $9::boolean[], $10::numeric[], $11::int[], $12::text[], $13::timestamptz[]
) as given (
    spend_id, tenant_id, correlation_id, conversation_id, purpose, model, input_tokens,
    output_tokens, estimated, cost_usd, milliseconds, outcome, occurred_at
);
