-- name: find_rows
-- Rows of channels by the ids that items name: reached by number or user id, or under this key.
select said.place, rows.channel_id, rows.external_id, rows.tenant_id, rows.contact_id,
       rows.conversation_id, rows.phone, rows.user_id, rows.is_paired, rows.email,
       rows.tenant_external_id, rows.username, rows.display_name, rows.moved_to, rows.created_at
from unnest($1::int[], $2::uuid[], $3::text[]) as said(place, channel_id, phone)
join channel_contacts as rows
    on rows.channel_id = said.channel_id and rows.phone = said.phone
union
select said.place, rows.channel_id, rows.external_id, rows.tenant_id, rows.contact_id,
       rows.conversation_id, rows.phone, rows.user_id, rows.is_paired, rows.email,
       rows.tenant_external_id, rows.username, rows.display_name, rows.moved_to, rows.created_at
from unnest($1::int[], $2::uuid[], $4::text[]) as said(place, channel_id, user_id)
join channel_contacts as rows
    on rows.channel_id = said.channel_id and rows.user_id = said.user_id
union
select said.place, rows.channel_id, rows.external_id, rows.tenant_id, rows.contact_id,
       rows.conversation_id, rows.phone, rows.user_id, rows.is_paired, rows.email,
       rows.tenant_external_id, rows.username, rows.display_name, rows.moved_to, rows.created_at
from unnest($1::int[], $2::uuid[], $5::text[]) as said(place, channel_id, external_id)
join channel_contacts as rows
    on rows.channel_id = said.channel_id and rows.external_id = said.external_id;

-- name: owners_of
-- Which contacts have these ids now, with the tenant-wide ones of any channel.
select said.place, identities.contact_id
from unnest($2::int[], $3::text[], $4::text[], $5::uuid[])
     as said(place, kind, value, channel_id)
join contact_identities as identities
    on identities.tenant_id = $1::uuid and identities.kind = said.kind
   and identities.value = said.value
   and coalesce(identities.channel_id, '00000000-0000-0000-0000-000000000000')
       = coalesce(said.channel_id, '00000000-0000-0000-0000-000000000000')
where identities.until is null;

-- name: lock_contacts
-- Lock contacts, in the order of their ids.
select contact_id, tenant_id, display_name, merged_into, created_at
from contacts
where contact_id = any($1::uuid[])
order by contact_id
for update;

-- name: claim_identities
-- Give ids to contacts where nobody has them; answers those that were given.
insert into contact_identities
    (tenant_id, contact_id, kind, value, channel_id, verified, evidence)
select tenant_id, contact_id, kind, value, channel_id, true, evidence
from unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::uuid[], $6::text[])
     as said(tenant_id, contact_id, kind, value, channel_id, evidence)
order by tenant_id, kind, value, channel_id
on conflict (tenant_id, kind, value,
             coalesce(channel_id, '00000000-0000-0000-0000-000000000000'))
    where until is null
    do nothing
returning contact_id;

-- name: drop_identities
-- Take ids back from contacts that were not made after all.
delete from contact_identities
where contact_id = any($1::uuid[]);

-- name: close_identities
-- Another took this id's place at its contact, or it went to somebody else.
update contact_identities
set until = greatest($5::timestamptz, since)
where contact_id = $1::uuid and kind = $2::text and value = $3::text
  and channel_id is not distinct from $4::uuid and until is null
returning identity_id;

-- name: reopen_identities
-- Ids are current again, where nobody else has them now.
update contact_identities as identities
set until = null
where identities.identity_id = any($1::uuid[]) and not exists (
    select 1
    from contact_identities as others
    where others.tenant_id = identities.tenant_id and others.kind = identities.kind
      and others.value = identities.value
      and others.channel_id is not distinct from identities.channel_id
      and others.until is null
);

-- name: keep_closed_identity
-- An id that was a contact's before we first saw them.
insert into contact_identities
    (tenant_id, contact_id, kind, value, channel_id, verified, evidence, since, until)
values ($1::uuid, $2::uuid, $3::text, $4::text, $5::uuid, true, $6::text, $7::timestamptz,
        $7::timestamptz);

-- name: has_current
-- Whether a contact has an id of this kind now, other than this one if it is named.
select exists (
    select 1
    from contact_identities
    where contact_id = $1::uuid and kind = $2::text and until is null
      and value is distinct from $3::text
);

-- name: make_contacts
-- New contacts.
insert into contacts (contact_id, tenant_id, display_name)
select contact_id, tenant_id, display_name
from unnest($1::uuid[], $2::uuid[], $3::text[]) as said(contact_id, tenant_id, display_name);

-- name: make_rows
-- New rows of contacts on channels; a key that somebody else took meanwhile is missing.
insert into channel_contacts
    (channel_id, external_id, tenant_id, contact_id, conversation_id, phone, user_id, is_paired,
     email, tenant_external_id, username, display_name)
select channel_id, external_id, tenant_id, contact_id, conversation_id, phone, user_id, is_paired,
       email, tenant_external_id, username, display_name
from unnest($1::uuid[], $2::text[], $3::uuid[], $4::uuid[], $5::uuid[], $6::text[], $7::text[],
            $8::boolean[], $9::text[], $10::text[], $11::text[], $12::text[])
     as said(channel_id, external_id, tenant_id, contact_id, conversation_id, phone, user_id,
             is_paired, email, tenant_external_id, username, display_name)
returning channel_id, external_id, tenant_id, contact_id, conversation_id, phone, user_id,
          is_paired, email, tenant_external_id, username, display_name, moved_to, created_at;

-- name: taken_keys
-- Which of these keys somebody has on a channel.
select external_id
from channel_contacts
where channel_id = $1::uuid
  and (external_id = any($2::text[]) or starts_with(external_id, $3::text));

-- name: update_row
-- What is known of a contact on a channel from now on.
update channel_contacts
set contact_id = $3::uuid, phone = $4::text, user_id = $5::text, is_paired = $6::boolean,
    email = $7::text, tenant_external_id = $8::text, username = $9::text,
    display_name = $10::text, moved_to = $11::text
where channel_id = $1::uuid and external_id = $2::text;

-- name: name_contact
-- The newest name that a channel gave.
update contacts
set display_name = $2::text
where contact_id = $1::uuid and display_name is distinct from $2::text;

-- name: find_row
-- One contact on a channel by its stable key.
select channel_id, external_id, tenant_id, contact_id, conversation_id, phone, user_id, is_paired,
       email, tenant_external_id, username, display_name, moved_to, created_at
from channel_contacts
where channel_id = $1::uuid and external_id = $2::text;

-- name: are_apart
-- Whether somebody undid a merge of these two, and nobody merged them since.
select exists (
    select 1
    from contact_merges
    where undone_at is not null
      and ((kept_contact_id = $1::uuid and merged_contact_id = $2::uuid)
           or (kept_contact_id = $2::uuid and merged_contact_id = $1::uuid))
);

-- name: keep_preference
-- Whether a contact wants marketing on a channel, by the newest word; true when it was news.
update channel_contacts
set wants_marketing = $3::boolean, preference_at = $4::timestamptz
where channel_id = $1::uuid and external_id = $2::text
  and (preference_at is null or preference_at < $4::timestamptz)
  and wants_marketing is distinct from $3::boolean
returning contact_id;

-- name: is_opted_out
-- Whether the person behind a stable key stopped marketing messages, on this channel or another.
select exists (
    select 1
    from channel_contacts as mine
    join channel_contacts as theirs on theirs.contact_id = mine.contact_id
    where mine.tenant_id = $1::uuid and mine.channel_id = $2::uuid
      and mine.external_id = $3::text and theirs.tenant_id = $1::uuid
      and theirs.wants_marketing = false
);

-- name: move_identities
-- All ids of one contact become another's; answers which.
update contact_identities
set contact_id = $2::uuid
where contact_id = $1::uuid
returning identity_id;

-- name: move_rows
-- Everything on channels of one contact becomes another's; answers what was.
update channel_contacts
set contact_id = $2::uuid
where contact_id = $1::uuid
returning channel_id, external_id;

-- name: set_merged_into
-- A contact became part of another, or (null) its own again.
update contacts
set merged_into = $2::uuid
where contact_id = $1::uuid;

-- name: keep_merge
-- A merge, and what moved.
insert into contact_merges
    (merge_id, tenant_id, kept_contact_id, merged_contact_id, evidence, merged_by, moved)
values ($1::uuid, $2::uuid, $3::uuid, $4::uuid, $5::text, $6::text, $7::text)
returning merged_at;

-- name: lock_merge
-- One merge of a tenant, locked.
select merge_id, kept_contact_id, merged_contact_id, evidence, merged_by, merged_at, undone_at,
       moved
from contact_merges
where tenant_id = $1::uuid and merge_id = $2::uuid
for update;

-- name: mark_undone
-- The merge was undone.
update contact_merges
set undone_at = now()
where merge_id = $1::uuid
returning undone_at;

-- name: return_identities
-- Ids go back to the contact that they were of, from the one that has them by the merge.
update contact_identities
set contact_id = $2::uuid
where identity_id = any($1::uuid[]) and contact_id = $3::uuid;

-- name: return_rows
-- Rows of channels go back to the contact that they were of, from the one that has them by the
-- merge.
update channel_contacts as rows
set contact_id = $3::uuid
from unnest($1::uuid[], $2::text[]) as moved(channel_id, external_id)
where rows.channel_id = moved.channel_id and rows.external_id = moved.external_id
  and rows.contact_id = $4::uuid;

-- name: are_held
-- Whether somebody else on the channel is reached by one of these numbers or ids.
select exists (
    select 1
    from channel_contacts
    where channel_id = $1::uuid and external_id <> all($2::text[])
      and (phone = any($3::text[]) or user_id = any($3::text[]))
);

-- name: root_of
-- The contact that a contact is part of by now: itself, or the end of its merges.
with recursive chain as (
    select contact_id, merged_into, 0 as depth
    from contacts
    where tenant_id = $1::uuid and contact_id = $2::uuid
    union all
    select contacts.contact_id, contacts.merged_into, chain.depth + 1
    from chain
    join contacts on contacts.contact_id = chain.merged_into
    where chain.depth < 100
)
select contact_id
from chain
order by depth desc
limit 1;

-- name: merges_of
-- Merges of a contact, the newest first.
select merge_id, kept_contact_id, merged_contact_id, evidence, merged_by, merged_at, undone_at
from contact_merges
where tenant_id = $1::uuid and (kept_contact_id = $2::uuid or merged_contact_id = $2::uuid)
order by merged_at desc, merge_id
limit 50;

-- name: contacts_by_id
-- Contacts of a tenant.
select contact_id, display_name, merged_into, created_at
from contacts
where tenant_id = $1::uuid and contact_id = any($2::uuid[])
order by created_at desc, contact_id desc;

-- name: list_contacts
-- A page of contacts, the newest first; those known by an id, if one is named.
select contact_id, display_name, merged_into, created_at
from contacts
where tenant_id = $1::uuid and merged_into is null
  and ($2::text is null or contact_id in (
      select identities.contact_id
      from contact_identities as identities
      where identities.tenant_id = $1::uuid and identities.value = $2::text
  ))
  and ($3::timestamptz is null or (created_at, contact_id) < ($3::timestamptz, $4::uuid))
order by created_at desc, contact_id desc
limit $5::int;

-- name: identities_of
-- The newest hundred ids of each contact.
select contact_id, kind, value, channel_id, verified, evidence, since, until
from (
    select contact_id, kind, value, channel_id, verified, evidence, since, until,
           row_number() over (
               partition by contact_id
               order by (until is null) desc, since desc, kind, value
           ) as place
    from contact_identities
    where tenant_id = $1::uuid and contact_id = any($2::uuid[])
) as identities
where place <= 100
order by contact_id, since desc, kind, value;

-- name: channels_of
-- Where contacts have spoken, with what the planner knows of their windows.
select rows.contact_id, rows.channel_id, channels.channel_type, rows.external_id,
       rows.conversation_id, rows.wants_marketing,
       windows.last_customer_at as last_message_at,
       case when channels.channel_type <> 'webchat'
            then greatest(windows.last_customer_at + interval '24 hours',
                          windows.entry_point_until) end as window_closes_at
from channel_contacts as rows
join channels on channels.channel_id = rows.channel_id
left join contact_windows as windows on windows.conversation_id = rows.conversation_id
where rows.tenant_id = $1::uuid and rows.contact_id = any($2::uuid[])
order by rows.contact_id, rows.created_at desc, rows.channel_id, rows.external_id;
