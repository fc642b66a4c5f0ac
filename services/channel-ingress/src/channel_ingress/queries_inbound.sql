-- name: channels_of_accounts
-- Served channels of served tenants that stand on these business accounts. Where several tenants
-- say that one is theirs: of those whose token Meta has let read it.
select channels.channel_id, channels.tenant_id, channels.channel_type, channels.external_id,
       channels.state, channels.sealed_credentials, channels.revision, channels.choices,
       channels.business_account_id
from channels
left join tenants on tenants.tenant_id = channels.tenant_id
where channels.state = 'active' and coalesce(tenants.state, 'active') = 'active'
  and channels.channel_type = $1::text and channels.business_account_id = any($2::text[])
  and (
      not exists (
          select 1
          from channels as others
          where others.business_account_id = channels.business_account_id
            and others.tenant_id <> channels.tenant_id and others.state = 'active'
      )
      or exists (
          select 1
          from template_syncs as syncs
          where syncs.tenant_id = channels.tenant_id
            and syncs.account_id = channels.business_account_id and syncs.synced_at is not null
      )
  )
order by channels.channel_id;

-- name: mark_seen
-- Web-chat sends of a conversation up to a place that were not seen yet: they are from now on.
update sends
set delivery_status = 'read'
where conversation_id = $1::uuid and channel_id = $2::uuid and channel_type = 'webchat'
  and state = 'accepted' and seq <= $3::bigint and delivery_status is distinct from 'read'
returning command;
