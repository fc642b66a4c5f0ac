-- What was said before conversations could be found by their words; apart from the tables' own
-- migration, so that nobody waits for its locks. The sweeps work it off.
set local chat.scope = 'platform';
insert into words_due
select tenant_id, conversation_id, message_id from messages where text <> ''
union all
select tenant_id, conversation_id, null from conversations;
-- Who waits already; nobody is alarmed now about what is older than an hour.
update conversations
set waiting_since = last_message_at,
    alarmed_at = case when last_message_at < now() - interval '1 hour' then now() end
where last_customer_seq > last_answered_seq and status not in ('resolved', 'closed')
    and waiting_since is null;
