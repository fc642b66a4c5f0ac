-- Who customers are, over numbers, ids and channels.

create table contacts (
    contact_id uuid primary key,
    tenant_id uuid not null,
    display_name text,
    merged_into uuid,
    created_at timestamptz not null default now()
);
create index contacts_of_tenant on contacts (tenant_id, created_at desc, contact_id desc);

-- Every id that a contact has or had. A phone, an e-mail and the tenant's own id are the tenant's
-- (no channel); a user id, PSID and visitor are their channel's. An id has one owner at a time.
create table contact_identities (
    identity_id uuid primary key default gen_random_uuid(),
    tenant_id uuid not null,
    contact_id uuid not null,
    kind text not null
        check (kind in ('phone', 'user_id', 'psid', 'visitor_id', 'email', 'external_id')),
    value text not null,
    channel_id uuid,
    verified boolean not null,
    evidence text not null,
    since timestamptz not null default now(),
    until timestamptz
);
create unique index contact_identities_now
    on contact_identities
       (tenant_id, kind, value, coalesce(channel_id, '00000000-0000-0000-0000-000000000000'))
    where until is null;
create index contact_identities_of_contact on contact_identities (contact_id);
create index contact_identities_by_value on contact_identities (tenant_id, value);

-- A contact on one channel under its stable key, the first id ever seen there: it makes the
-- conversation's id. Phone and user id are those by which they are reached now; `is_paired`: the
-- provider named both together. `moved_to`: another key of the same person took its place.
create table channel_contacts (
    channel_id uuid not null,
    external_id text not null,
    tenant_id uuid not null,
    contact_id uuid not null,
    conversation_id uuid not null,
    phone text,
    user_id text,
    is_paired boolean not null default false,
    email text,
    tenant_external_id text,
    username text,
    display_name text,
    moved_to text,
    wants_marketing boolean,
    preference_at timestamptz,
    created_at timestamptz not null default clock_timestamp(),
    primary key (channel_id, external_id)
);
create unique index channel_contacts_by_phone on channel_contacts (channel_id, phone)
    where phone is not null;
create unique index channel_contacts_by_user_id on channel_contacts (channel_id, user_id)
    where user_id is not null;
create index channel_contacts_of_contact on channel_contacts (contact_id);

-- Contacts that became one, why, and what moved, so that it can be undone exactly.
create table contact_merges (
    merge_id uuid primary key,
    tenant_id uuid not null,
    kept_contact_id uuid not null,
    merged_contact_id uuid not null,
    evidence text not null,
    merged_by text not null,
    merged_at timestamptz not null default now(),
    undone_at timestamptz,
    moved text not null
);
create index contact_merges_of_kept on contact_merges (kept_contact_id);
create index contact_merges_of_merged on contact_merges (merged_contact_id);

do $$
declare
    name text;
begin
    foreach name in array array[
        'contacts', 'contact_identities', 'channel_contacts', 'contact_merges'
    ]
    loop
        execute format('alter table %I enable row level security', name);
        execute format('alter table %I force row level security', name);
        execute format(
            'create policy tenant_rows on %I using (chat_tenant_visible(tenant_id))'
            ' with check (chat_tenant_visible(tenant_id))', name
        );
    end loop;
end
$$;
