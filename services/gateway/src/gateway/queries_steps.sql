-- name: accepted_body
-- When a body came through the door, and what kind it was; platform-wide addresses hold all tenants.
select received_at, source, object_kind, octet_length(body) as size_bytes
from webhook_ledger
where delivery_id = $2::uuid and tenant_id in ($1::uuid, '00000000-0000-0000-0000-000000000000')
