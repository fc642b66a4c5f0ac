-- name: insert_tenant
-- A new tenant; nothing comes back when the id is already there.
insert into tenants (tenant_id, slug, name, settings)
values ($1::uuid, $2::text, $3::text, $4::jsonb)
on conflict (tenant_id) do nothing
returning tenant_id, slug, name, state, settings, revision, created_at, updated_at;

-- name: find_tenant
-- A tenant that was not removed.
select tenant_id, slug, name, state, settings, revision, created_at, updated_at
from tenants
where tenant_id = $1::uuid and state <> 'removed';

-- name: lock_tenant
-- The same, held until the transaction ends.
select tenant_id, slug, name, state, settings, revision, created_at, updated_at
from tenants
where tenant_id = $1::uuid and state <> 'removed'
for update;

-- name: list_tenants
-- A page, the newest first, before a position.
select tenant_id, slug, name, state, settings, revision, created_at, updated_at
from tenants
where state <> 'removed'
    and ($1::timestamptz is null or (created_at, tenant_id) < ($1::timestamptz, $2::uuid))
order by created_at desc, tenant_id desc
limit $3::int;

-- name: every_tenant
-- All of them, the removed ones too: listeners must learn of a removal.
select tenant_id, slug, name, state, settings, revision, created_at, updated_at
from tenants
order by created_at;

-- name: update_tenant
-- The whole new state, one revision further.
update tenants
set name = $2::text, state = $3::text, settings = $4::jsonb, revision = revision + 1,
    updated_at = now()
where tenant_id = $1::uuid
returning tenant_id, slug, name, state, settings, revision, created_at, updated_at;

-- name: insert_channel
-- A new channel; nothing comes back when the id is already there.
insert into channels (
    tenant_id, channel_id, channel_type, name, external_id, sealed_credentials, credential_hints,
    settings
)
values (
    $1::uuid, $2::uuid, $3::text, $4::text, $5::text, $6::text, $7::jsonb, $8::jsonb
)
on conflict (channel_id) do nothing
returning tenant_id, channel_id, channel_type, name, state, external_id, sealed_credentials,
    credential_hints, settings, revision, created_at, updated_at;

-- name: find_channel
-- A channel of a tenant that was not removed.
select tenant_id, channel_id, channel_type, name, state, external_id, sealed_credentials,
    credential_hints, settings, revision, created_at, updated_at
from channels
where tenant_id = $1::uuid and channel_id = $2::uuid and state <> 'removed';

-- name: lock_channel
-- The same, held until the transaction ends.
select tenant_id, channel_id, channel_type, name, state, external_id, sealed_credentials,
    credential_hints, settings, revision, created_at, updated_at
from channels
where tenant_id = $1::uuid and channel_id = $2::uuid and state <> 'removed'
for update;

-- name: list_channels
-- A page of a tenant's channels, the newest first, before a position.
select tenant_id, channel_id, channel_type, name, state, external_id, sealed_credentials,
    credential_hints, settings, revision, created_at, updated_at
from channels
where tenant_id = $1::uuid and state <> 'removed'
    and ($2::timestamptz is null or (created_at, channel_id) < ($2::timestamptz, $3::uuid))
order by created_at desc, channel_id desc
limit $4::int;

-- name: living_channels_of_tenant
-- For the removal of the tenant.
select channel_id
from channels
where tenant_id = $1::uuid and state <> 'removed';

-- name: every_channel
-- All of them, the removed ones too: listeners must learn of a removal.
select tenant_id, channel_id, channel_type, name, state, external_id, sealed_credentials,
    credential_hints, settings, revision, created_at, updated_at
from channels
order by created_at;

-- name: update_channel
-- The whole new state, one revision further; a removed channel forgets its credentials.
update channels
set name = $3::text, state = $4::text, external_id = $5::text, sealed_credentials = $6::text,
    credential_hints = $7::jsonb, settings = $8::jsonb, revision = revision + 1, updated_at = now()
where tenant_id = $1::uuid and channel_id = $2::uuid
returning tenant_id, channel_id, channel_type, name, state, external_id, sealed_credentials,
    credential_hints, settings, revision, created_at, updated_at;

-- name: channel_of_any_tenant
-- Before the tenant is known: a Meta app of a tenant's own, or a widget that asks for a session.
select c.tenant_id, c.channel_id, c.channel_type, c.name, c.state, c.external_id,
    c.sealed_credentials, c.credential_hints, c.settings, c.revision, c.created_at, c.updated_at
from channels c
join tenants t on t.tenant_id = c.tenant_id and t.state = 'active'
where c.channel_id = $1::uuid and c.state = 'active';

-- name: channel_by_widget_key
-- The web channel behind a public key.
select c.tenant_id, c.channel_id, c.channel_type, c.name, c.state, c.external_id,
    c.sealed_credentials, c.credential_hints, c.settings, c.revision, c.created_at, c.updated_at
from channels c
join tenants t on t.tenant_id = c.tenant_id and t.state = 'active'
where c.channel_type = 'webchat' and c.external_id = $1::text and c.state = 'active';

-- name: widget_origins
-- Every origin on which some tenant shows the widget.
select distinct origin
from channels, jsonb_array_elements_text(settings -> 'allowed_origins') origin
where channel_type = 'webchat' and state = 'active';

-- name: insert_key
-- A new key: its HMAC, never its secret.
insert into api_keys (tenant_id, key_id, name, secret_hmac, hint, scopes, expires_at)
values ($1::uuid, $2::text, $3::text, $4::bytea, $5::text, $6::text[], $7::timestamptz)
returning tenant_id, key_id, name, hint, scopes, created_at, expires_at, last_used_at, revoked_at;

-- name: list_keys
-- A page of a tenant's living keys, the newest first, before a position.
select tenant_id, key_id, name, hint, scopes, created_at, expires_at, last_used_at, revoked_at
from api_keys
where tenant_id = $1::uuid and revoked_at is null
    and ($2::timestamptz is null or (created_at, key_id) < ($2::timestamptz, $3::text))
order by created_at desc, key_id desc
limit $4::int;

-- name: count_keys
-- How many keys a tenant has that could still be used.
select count(*)
from api_keys
where tenant_id = $1::uuid and revoked_at is null and (expires_at is null or expires_at > now());

-- name: revoke_key
-- From now on it opens nothing.
update api_keys
set revoked_at = now()
where tenant_id = $1::uuid and key_id = $2::text and revoked_at is null
returning key_id;

-- name: key_for_admission
-- What the door needs to know about a key, and whether its last use is worth writing again.
select k.tenant_id, k.secret_hmac, k.scopes, t.state,
    (k.last_used_at is null or k.last_used_at < now() - interval '1 minute') as stale_use
from api_keys k
join tenants t on t.tenant_id = k.tenant_id and t.state <> 'removed'
where k.key_id = $1::text and k.revoked_at is null
    and (k.expires_at is null or k.expires_at > now());

-- name: touch_key
-- Note that it was used; at most once a minute.
update api_keys
set last_used_at = now()
where key_id = $1::text;

-- name: tenant_exists
-- For the admin key, which may enter every tenant.
select state
from tenants
where tenant_id = $1::uuid and state <> 'removed';

-- name: keep_deliveries
-- Many deliveries in one statement; answers those that were not there yet.
insert into webhook_ledger (
    delivery_id, tenant_id, channel_type, channel_id, source, received_at, object_kind, signature,
    body, body_sha256, client_message_id
)
select d.delivery_id, d.tenant_id, d.channel_type, d.channel_id, d.source, d.received_at,
    d.object_kind, d.signature, d.body, d.body_sha256, d.client_message_id
from unnest(
    $1::uuid[], $2::uuid[], $3::text[], $4::uuid[], $5::text[], $6::timestamptz[], $7::text[],
    $8::text[], $9::bytea[], $10::text[], $11::text[]
) as d (
    delivery_id, tenant_id, channel_type, channel_id, source, received_at, object_kind, signature,
    body, body_sha256, client_message_id
)
on conflict do nothing
returning delivery_id;

-- name: forget_old_deliveries
-- Raw bodies are kept for some days only.
delete from webhook_ledger
where delivery_id in (
    select delivery_id
    from webhook_ledger
    where received_at < now() - make_interval(days => $1::int)
    limit 5000
);

-- name: lock_uploads
-- One at a time for what a tenant uploads: what is there is looked at, and then kept.
select pg_advisory_xact_lock(7240401, hashtext($1::uuid::text));

-- name: save_uploads
-- Documents that are new or changed, many at once.
insert into uploads (
    tenant_id, document_id, kind, title, file_name, declared_type, media_type, size_bytes, sha256,
    language, source_url, external_id, tags, metadata, enabled, expires_at, chunking, revision,
    replacement, created_at, replaced_at, is_rolled_back
)
select u.tenant_id, u.document_id, u.kind, u.title, u.file_name, u.declared_type, u.media_type,
    u.size_bytes, u.sha256, u.language, u.source_url, u.external_id,
    array(select jsonb_array_elements_text(u.tags)), u.metadata, u.enabled, u.expires_at,
    u.chunking, u.revision, u.replacement, u.created_at, u.replaced_at, u.is_rolled_back
from unnest(
    $1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
    $8::bigint[], $9::text[], $10::text[], $11::text[], $12::text[], $13::jsonb[], $14::jsonb[],
    $15::boolean[], $16::timestamptz[], $17::jsonb[], $18::int[], $19::int[], $20::timestamptz[],
    $21::timestamptz[], $22::boolean[]
) as u (
    tenant_id, document_id, kind, title, file_name, declared_type, media_type, size_bytes, sha256,
    language, source_url, external_id, tags, metadata, enabled, expires_at, chunking, revision,
    replacement, created_at, replaced_at, is_rolled_back
)
on conflict (document_id) do update
set title = excluded.title, file_name = excluded.file_name,
    declared_type = excluded.declared_type, media_type = excluded.media_type,
    size_bytes = excluded.size_bytes, sha256 = excluded.sha256, language = excluded.language,
    tags = excluded.tags, metadata = excluded.metadata, enabled = excluded.enabled,
    expires_at = excluded.expires_at, chunking = excluded.chunking, revision = excluded.revision,
    replacement = excluded.replacement, replaced_at = excluded.replaced_at,
    is_rolled_back = excluded.is_rolled_back;

-- name: find_upload
-- A document that was not removed.
select tenant_id, document_id, kind, title, file_name, declared_type, media_type, size_bytes, sha256,
    language, source_url, external_id, tags, metadata, enabled, expires_at, chunking, revision,
    replacement, created_at, replaced_at, indexed_by_owner, is_rolled_back,
    removed_at is not null as is_removed
from uploads
where tenant_id = $1::uuid and document_id = $2::uuid and removed_at is null;

-- name: find_uploads
-- These documents, the removed ones too.
select tenant_id, document_id, kind, title, file_name, declared_type, media_type, size_bytes, sha256,
    language, source_url, external_id, tags, metadata, enabled, expires_at, chunking, revision,
    replacement, created_at, replaced_at, indexed_by_owner, is_rolled_back,
    removed_at is not null as is_removed
from uploads
where tenant_id = $1::uuid and document_id = any($2::uuid[]);

-- name: uploads_like
-- Documents that some others may be: by id (the removed ones too), by the tenant's own id, by bytes.
select tenant_id, document_id, kind, title, file_name, declared_type, media_type, size_bytes, sha256,
    language, source_url, external_id, tags, metadata, enabled, expires_at, chunking, revision,
    replacement, created_at, replaced_at, indexed_by_owner, is_rolled_back,
    removed_at is not null as is_removed
from uploads
where tenant_id = $1::uuid and document_id in (
    select document_id from uploads
    where tenant_id = $1::uuid and document_id = any($2::uuid[])
    union
    select document_id from uploads
    where tenant_id = $1::uuid and external_id = any($3::text[]) and removed_at is null
    union
    select document_id from uploads
    where tenant_id = $1::uuid and sha256 = any($4::text[]) and removed_at is null
        and external_id is null and kind in ('file', 'text')
);

-- name: knowledge_in_use
-- What counts against the tenant's quotas.
select count(*) as documents, coalesce(sum(size_bytes), 0)::bigint as size_bytes
from uploads
where tenant_id = $1::uuid and removed_at is null;

-- name: unseen_uploads
-- Documents of which rag-indexer may not have heard yet, the newest first.
select tenant_id, document_id, kind, title, file_name, declared_type, media_type, size_bytes, sha256,
    language, source_url, external_id, tags, metadata, enabled, expires_at, chunking, revision,
    replacement, created_at, replaced_at, indexed_by_owner, is_rolled_back,
    removed_at is not null as is_removed
from uploads
where tenant_id = $1::uuid and removed_at is null and not indexed_by_owner
    and ($3::text is null or kind = $3::text)
    and ($4::text is null or $4::text = any(tags))
    and ($5::text is null or strpos(lower(title), lower($5::text)) > 0
        or strpos(lower(file_name), lower($5::text)) > 0)
order by created_at desc
limit $2::int;

-- name: mark_uploads_seen
-- rag-indexer has shown that it knows them.
update uploads
set indexed_by_owner = true
where tenant_id = $1::uuid and document_id = any($2::uuid[]) and not indexed_by_owner;

-- name: mark_upload_rolled_back
-- An older version of it answers.
update uploads
set is_rolled_back = true
where tenant_id = $1::uuid and document_id = $2::uuid;

-- name: remove_upload
-- The document is gone from now on, and what it was asked and answered with it.
with gone as (
    update uploads
    set removed_at = now()
    where tenant_id = $1::uuid and document_id = $2::uuid and removed_at is null
    returning document_id
), pair as (
    delete from qa_pairs
    where document_id in (select document_id from gone)
)
select document_id
from gone;

-- name: insert_audit
-- Who changed what, when, from where; never a secret.
insert into audit_log (audit_id, tenant_id, actor, action, subject, detail, address, trace_id)
values (
    $1::uuid, $2::uuid, $3::text, $4::text, $5::text, $6::jsonb, $7::text, $8::text
);

-- name: begin_idempotent
-- Take a key, or take it over when the process that had it died a minute ago.
insert into idempotency (tenant_id, actor, idempotency_key, fingerprint)
values ($1::uuid, $2::text, $3::text, $4::bytea)
on conflict (tenant_id, actor, idempotency_key) do update
set created_at = now()
where idempotency.status is null and idempotency.fingerprint = excluded.fingerprint
    and idempotency.created_at < now() - interval '1 minute'
returning idempotency_key;

-- name: find_idempotent
-- What is known under a key.
select fingerprint, status, sealed_body
from idempotency
where tenant_id = $1::uuid and actor = $2::text and idempotency_key = $3::text;

-- name: finish_idempotent
-- The answer that repeats will get.
update idempotency
set status = $4::int, sealed_body = $5::text
where tenant_id = $1::uuid and actor = $2::text and idempotency_key = $3::text;

-- name: abandon_idempotent
-- The request failed: a repeat may try again.
delete from idempotency
where tenant_id = $1::uuid and actor = $2::text and idempotency_key = $3::text and status is null;

-- name: forget_old_idempotent
-- Keys are kept for a day.
delete from idempotency
where created_at < now() - interval '1 day';

-- name: insert_media
-- A file to be sent; nothing comes back when the id is already there.
insert into media_uploads (
    tenant_id, media_id, channel_id, visitor_id, kind, sha256, mime_type, file_name, size_bytes
)
values (
    $1::uuid, $2::uuid, $3::uuid, $4::text, $5::text, $6::text, $7::text, $8::text, $9::bigint
)
on conflict (media_id) do nothing
returning media_id;

-- name: media_of_tenant
-- Files that the tenant's people uploaded, among these.
select tenant_id, media_id, channel_id, visitor_id, kind, sha256, mime_type, file_name, size_bytes
from media_uploads
where tenant_id = $1::uuid and media_id = any($2::uuid[]) and visitor_id is null;

-- name: media_of_visitor
-- Files that one visitor of one channel uploaded within the last day, among these.
select tenant_id, media_id, channel_id, visitor_id, kind, sha256, mime_type, file_name, size_bytes
from media_uploads
where tenant_id = $1::uuid and channel_id = $2::uuid and visitor_id = $3::text
    and media_id = any($4::uuid[]) and created_at > now() - interval '1 day';

-- name: list_audit
-- A page of a tenant's audit log, the newest first, before a position.
select audit_id, at, actor, action, subject, detail, address, trace_id
from audit_log
where tenant_id = $1::uuid
    and ($2::timestamptz is null or (at, audit_id) < ($2::timestamptz, $3::uuid))
order by at desc, audit_id desc
limit $4::int;

-- name: find_key
-- A living key of a tenant.
select tenant_id, key_id, name, hint, scopes, created_at, expires_at, last_used_at, revoked_at
from api_keys
where tenant_id = $1::uuid and key_id = $2::text and revoked_at is null;

-- name: update_key
-- A new name, or a new end; a null name stays.
update api_keys
set name = coalesce($3::text, name),
    expires_at = case when $4::boolean then $5::timestamptz else expires_at end
where tenant_id = $1::uuid and key_id = $2::text and revoked_at is null
returning tenant_id, key_id, name, hint, scopes, created_at, expires_at, last_used_at, revoked_at;

-- name: forget_old_media
-- Visitors' files are named in a message within a day or never; the bytes stay in blobs.
delete from media_uploads
where media_id in (
    select media_id
    from media_uploads
    where visitor_id is not null and created_at < now() - interval '2 days'
    limit 5000
);

-- name: save_qa_pairs
-- Pairs that are new or changed, many at once.
insert into qa_pairs (
    tenant_id, document_id, question, question_key, alternatives, answer, created_at
)
select p.tenant_id, p.document_id, p.question, p.question_key,
    array(select jsonb_array_elements_text(p.alternatives)), p.answer, p.created_at
from unnest(
    $1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::jsonb[], $6::text[], $7::timestamptz[]
) as p (tenant_id, document_id, question, question_key, alternatives, answer, created_at)
on conflict (document_id) do update
set question = excluded.question, question_key = excluded.question_key,
    alternatives = excluded.alternatives, answer = excluded.answer;

-- name: find_qa_pair
-- One pair.
select document_id, question, question_key, alternatives, answer, created_at
from qa_pairs
where tenant_id = $1::uuid and document_id = $2::uuid;

-- name: qa_pairs_by_key
-- Pairs that have these questions.
select document_id, question, question_key, alternatives, answer, created_at
from qa_pairs
where tenant_id = $1::uuid and question_key = any($2::text[]);

-- name: list_qa_pairs
-- A page of a tenant's pairs, the newest first, before a position.
select p.document_id, p.question, p.question_key, p.alternatives, p.answer, p.created_at
from qa_pairs p
join uploads u on u.document_id = p.document_id and u.removed_at is null
where p.tenant_id = $1::uuid
    and ($2::timestamptz is null or (p.created_at, p.document_id) < ($2::timestamptz, $3::uuid))
    and ($5::text is null or $5::text = any(u.tags))
    and ($6::text is null or strpos(lower(p.question), lower($6::text)) > 0
        or strpos(lower(p.answer), lower($6::text)) > 0)
order by p.created_at desc, p.document_id desc
limit $4::int;

-- name: insert_resumable
-- A large file that will come in pieces.
insert into resumable_uploads (tenant_id, upload_id, actor, size_bytes, metadata, expires_at)
values (
    $1::uuid, $2::uuid, $3::text, $4::bigint, $5::jsonb, now() + make_interval(hours => $6::int)
)
returning tenant_id, upload_id, actor, size_bytes, offset_bytes, metadata, document_id, expires_at,
    coalesce(writer_until > now(), false) as is_written;

-- name: find_resumable
-- One that is not forgotten.
select tenant_id, upload_id, actor, size_bytes, offset_bytes, metadata, document_id, expires_at,
    coalesce(writer_until > now(), false) as is_written
from resumable_uploads
where tenant_id = $1::uuid and upload_id = $2::uuid and expires_at > now();

-- name: count_resumables
-- How many a tenant has on their way.
select count(*)
from resumable_uploads
where tenant_id = $1::uuid and document_id is null and expires_at > now();

-- name: claim_resumable
-- One request writes, at the place where the last one ended; nothing comes back otherwise.
update resumable_uploads
set writer = $3::uuid, writer_until = now() + make_interval(secs => $5::float8)
where tenant_id = $1::uuid and upload_id = $2::uuid and offset_bytes = $4::bigint
    and document_id is null and expires_at > now()
    and (writer is null or writer_until <= now())
returning tenant_id, upload_id, actor, size_bytes, offset_bytes, metadata, document_id, expires_at,
    coalesce(writer_until > now(), false) as is_written;

-- name: renew_resumable
-- It still writes.
update resumable_uploads
set writer_until = now() + make_interval(secs => $3::float8)
where upload_id = $1::uuid and writer = $2::uuid;

-- name: release_resumable
-- The next one may write.
update resumable_uploads
set writer = null, writer_until = null
where upload_id = $1::uuid and writer = $2::uuid;

-- name: add_resumable_pieces
-- Bytes that are in blobs; what an earlier writer left at the same place is replaced.
insert into resumable_pieces (tenant_id, upload_id, offset_bytes, size_bytes, sha256)
select $1::uuid, $2::uuid, p.offset_bytes, p.size_bytes, p.sha256
from unnest($3::bigint[], $4::bigint[], $5::text[]) as p (offset_bytes, size_bytes, sha256)
on conflict (upload_id, offset_bytes) do update
set size_bytes = excluded.size_bytes, sha256 = excluded.sha256;

-- name: advance_resumable
-- So far it has come; nothing comes back when somebody else writes now.
update resumable_uploads
set offset_bytes = $3::bigint, expires_at = now() + make_interval(hours => $4::int)
where upload_id = $1::uuid and writer = $2::uuid and document_id is null
returning tenant_id, upload_id, actor, size_bytes, offset_bytes, metadata, document_id, expires_at,
    coalesce(writer_until > now(), false) as is_written;

-- name: finish_resumable
-- It is a document now; nothing comes back when somebody else writes now.
update resumable_uploads
set offset_bytes = size_bytes, document_id = $3::uuid, writer = null, writer_until = null
where upload_id = $1::uuid and writer = $2::uuid and document_id is null
returning tenant_id, upload_id, actor, size_bytes, offset_bytes, metadata, document_id, expires_at,
    coalesce(writer_until > now(), false) as is_written;

-- name: resumable_pieces_of
-- Its bytes, in order.
select offset_bytes, size_bytes, sha256
from resumable_pieces
where tenant_id = $1::uuid and upload_id = $2::uuid
order by offset_bytes;

-- name: drop_resumable_pieces
-- Their bytes are gone from blobs.
delete from resumable_pieces
where tenant_id = $1::uuid and upload_id = $2::uuid;

-- name: end_resumable
-- Nobody sees it any more, and who writes it cannot go on.
update resumable_uploads
set expires_at = now(), writer = null, writer_until = null
where tenant_id = $1::uuid and upload_id = $2::uuid and expires_at > now()
returning upload_id;

-- name: expired_resumables
-- Those that nobody goes on with.
select tenant_id, upload_id
from resumable_uploads
where expires_at <= now() and (writer is null or writer_until <= now())
order by expires_at
limit 100;

-- name: delete_resumable
-- It is forgotten, with its pieces.
delete from resumable_uploads
where tenant_id = $1::uuid and upload_id = $2::uuid and expires_at <= now();
