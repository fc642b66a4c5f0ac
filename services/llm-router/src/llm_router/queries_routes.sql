-- name: find_routes
-- The routes that a tenant keeps.
select purpose, model, canary_model, canary_percent, fallbacks, hedge_after_milliseconds,
    deadline_seconds
from model_routes
where tenant_id = $1::uuid;

-- name: save_route
-- Keep a tenant's route for one purpose.
insert into model_routes (
    tenant_id, purpose, model, canary_model, canary_percent, fallbacks, hedge_after_milliseconds,
    deadline_seconds
)
values (
    $1::uuid, $2::text, $3::text, $4::text, $5::double precision, $6::text[], $7::int,
    $8::double precision
)
on conflict (tenant_id, purpose) do update
set model = excluded.model,
    canary_model = excluded.canary_model,
    canary_percent = excluded.canary_percent,
    fallbacks = excluded.fallbacks,
    hedge_after_milliseconds = excluded.hedge_after_milliseconds,
    deadline_seconds = excluded.deadline_seconds,
    updated_at = now();

-- name: find_providers
-- A tenant's own ways to providers, keys sealed, by name.
select provider, sealed_key, base_url, key_ending, requests_per_minute, concurrent_max, state,
    detail, tested_at
from provider_keys
where tenant_id = $1::uuid
order by provider;

-- name: save_provider
-- Keep a tenant's own way to a provider, as it was tested.
insert into provider_keys (
    tenant_id, provider, sealed_key, base_url, key_ending, requests_per_minute, concurrent_max,
    state, detail, tested_at
)
values (
    $1::uuid, $2::text, $3::text, $4::text, $5::text, $6::int, $7::int, $8::text, $9::text,
    $10::timestamptz
)
on conflict (tenant_id, provider) do update
set sealed_key = excluded.sealed_key,
    base_url = excluded.base_url,
    key_ending = excluded.key_ending,
    requests_per_minute = excluded.requests_per_minute,
    concurrent_max = excluded.concurrent_max,
    state = excluded.state,
    detail = excluded.detail,
    tested_at = excluded.tested_at,
    updated_at = now();

-- name: note_test
-- What a later test of the same key and address said; a key that was replaced meanwhile stays.
update provider_keys
set state = $3::text,
    detail = $4::text,
    tested_at = $5::timestamptz
where tenant_id = $1::uuid
and provider = $2::text
and sealed_key is not distinct from $6::text
and base_url is not distinct from $7::text;

-- name: forget_provider
-- A tenant's key and address of a provider go.
delete from provider_keys
where tenant_id = $1::uuid and provider = $2::text;
