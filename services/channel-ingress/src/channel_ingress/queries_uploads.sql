-- name: find_upload
-- The provider's id of a file that it still has.
select provider_media_id
from media_uploads
where channel_id = $1::uuid and sha256 = $2::text and kind = $3::text and expires_at > now();

-- name: keep_upload
-- The provider has the file; what it has dropped by now on this channel is forgotten.
with dead as (
    delete from media_uploads
    where channel_id = $1::uuid and expires_at < now()
      and (sha256, kind) <> ($2::text, $3::text)
)
insert into media_uploads
    (channel_id, sha256, kind, tenant_id, provider_media_id, uploaded_at, expires_at)
values ($1::uuid, $2::text, $3::text, $4::uuid, $5::text, now(),
        now() + make_interval(secs => $6::float8))
on conflict (channel_id, sha256, kind) do update
set provider_media_id = excluded.provider_media_id, uploaded_at = excluded.uploaded_at,
    expires_at = excluded.expires_at;

-- name: forget_upload
-- The provider did not take this id in a message.
delete from media_uploads
where channel_id = $1::uuid and sha256 = $2::text and kind = $3::text
  and provider_media_id = $4::text;

-- name: hasten_send
-- The file that a planned send waited for is there, or will not come: its turn is now.
update sends
set next_attempt_at = now()
where send_id = $1::uuid and state = 'planned' and next_attempt_at > now()
  and code = 'media_uploading';
