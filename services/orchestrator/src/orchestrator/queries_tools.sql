-- name: list_tools
-- A tenant's own tools, by name.
select name, description, parameters, kind, url, sealed_headers, sealed_secret,
    case when previous_secret_until > now() then previous_sealed_secret end as previous_sealed_secret,
    timeout_seconds, result_characters_max, enabled, repeatable, updated_at
from tools where tenant_id = $1::uuid
order by name

-- name: lock_tenant_tools
-- One change of a tenant's tools at a time; no row for an unknown tenant.
select 1 from tenants where tenant_id = $1::uuid for update

-- name: keep_tool
-- Make or change a tool. Null keeps the headers; a new secret leaves the old one signing a while.
insert into tools (tenant_id, name, description, parameters, kind, url, sealed_headers,
    sealed_secret, timeout_seconds, result_characters_max, enabled, repeatable)
values ($1::uuid, $2::text, $3::text, $4::text, $5::text, $6::text, $7::text, $8::text,
    $9::float8, $10::int, $11::boolean, $12::boolean)
on conflict (tenant_id, name) do update
set description = excluded.description, parameters = excluded.parameters, kind = excluded.kind,
    url = excluded.url,
    -- Headers were given for one address: another one does not get them.
    sealed_headers = case when excluded.sealed_headers is not null then excluded.sealed_headers
        when $13::boolean then tools.sealed_headers end,
    previous_sealed_secret = case when excluded.sealed_secret is null
        then tools.previous_sealed_secret else tools.sealed_secret end,
    previous_secret_until = case when excluded.sealed_secret is null
        then tools.previous_secret_until else now() + make_interval(hours => 24) end,
    sealed_secret = coalesce(excluded.sealed_secret, tools.sealed_secret),
    timeout_seconds = excluded.timeout_seconds,
    result_characters_max = excluded.result_characters_max, enabled = excluded.enabled,
    repeatable = excluded.repeatable, updated_at = now()
returning updated_at

-- name: remove_tool
-- Take a tool away.
delete from tools where tenant_id = $1::uuid and name = $2::text returning name

-- name: list_mcp_servers
-- A tenant's MCP servers, by name.
select name, transport, url, command, sealed_headers, enabled_tools, offered, state, detail,
    looked_at, updated_at
from mcp_servers where tenant_id = $1::uuid
order by name

-- name: keep_mcp_server
-- Make or change a server with what it offers now.
insert into mcp_servers (tenant_id, name, transport, url, command, sealed_headers, enabled_tools,
    offered, state, detail)
values ($1::uuid, $2::text, $3::text, $4::text, $5::text, $6::text, $7::jsonb, $8::jsonb,
    $9::text, $10::text)
on conflict (tenant_id, name) do update
set transport = excluded.transport, url = excluded.url, command = excluded.command,
    sealed_headers = excluded.sealed_headers, enabled_tools = excluded.enabled_tools,
    offered = excluded.offered, state = excluded.state, detail = excluded.detail,
    looked_at = now(), updated_at = now()
returning updated_at

-- name: look_at_mcp_server
-- Keep what a look at a server said, unless it was changed meanwhile.
update mcp_servers
set offered = coalesce($4::jsonb, offered), state = $5::text, detail = $6::text, looked_at = now()
where tenant_id = $1::uuid and name = $2::text and updated_at = $3::timestamptz
returning name

-- name: remove_mcp_server
-- Take a server away.
delete from mcp_servers where tenant_id = $1::uuid and name = $2::text returning name

-- name: find_slug
-- A tenant's name on the event broker.
select slug from tenants where tenant_id = $1::uuid

-- name: conversation_facts
-- What is known of one conversation and its customer.
select conversations.channel_type, channels.name as channel_name, conversations.status,
    conversations.created_at, conversations.last_message_at, contacts.external_id,
    contacts.display_name, contacts.username, contacts.phone, contacts.email,
    contacts.book_contact_id, to_jsonb(conversations) as conversation
from conversations
join channels on channels.channel_id = conversations.channel_id
    and channels.tenant_id = conversations.tenant_id
join contacts on contacts.contact_id = conversations.contact_id
    and contacts.tenant_id = conversations.tenant_id
where conversations.tenant_id = $1::uuid and conversations.conversation_id = $2::uuid

-- name: turn_is_over
-- Whether somebody else works on the turn, or nobody may: a person answers now.
select exists (select from conversations
    where tenant_id = $1::uuid and conversation_id = $2::uuid
        and (lease_epoch <> $3::bigint or ownership_number <> $4::bigint))

-- name: begin_tool_run
-- Note a call before it is made; no row where the turn made it before.
insert into tool_runs (tenant_id, turn_id, fingerprint, conversation_id, name, state)
values ($1::uuid, $2::uuid, $3::bytea, $4::uuid, $5::text, 'attempting')
on conflict (turn_id, fingerprint) do nothing
returning name

-- name: find_tool_run
-- What came of a call that the turn made before.
select state, outcome, result from tool_runs
where tenant_id = $1::uuid and turn_id = $2::uuid and fingerprint = $3::bytea
for update

-- name: repeat_tool_run
-- Note that the call is made once more.
update tool_runs
set state = 'attempting', outcome = null, result = null, ended_at = null, calls = calls + 1
where tenant_id = $1::uuid and turn_id = $2::uuid and fingerprint = $3::bytea

-- name: end_tool_run
-- Keep what came of a call.
update tool_runs
set state = 'done', outcome = $4::text, result = $5::text, ended_at = now()
where tenant_id = $1::uuid and turn_id = $2::uuid and fingerprint = $3::bytea

-- name: recorded_tool_run
-- What the same call said last in this conversation, for a turn that only tries.
select outcome, result from tool_runs
where tenant_id = $1::uuid and conversation_id = $2::uuid and fingerprint = $3::bytea
    and state = 'done'
order by ended_at desc limit 1

-- name: forget_old_tool_runs
-- Nothing asks for the calls of turns that are long over.
with old as (
    select turn_id, fingerprint from tool_runs
    where began_at < now() - make_interval(days => $1::int)
    order by began_at limit 100000
)
delete from tool_runs using old
where tool_runs.turn_id = old.turn_id and tool_runs.fingerprint = old.fingerprint
