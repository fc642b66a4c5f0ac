-- A message of ours that does not go out is told of by the same mark as a customer who waits: each
-- new waiting begins without it.
create or replace function conversation_waits() returns trigger language plpgsql as $$
begin
    if new.last_customer_seq <= new.last_answered_seq or new.status in ('resolved', 'closed') then
        new.waiting_since := null;
        new.alarmed_at := null;
    elsif new.waiting_since is null then
        new.waiting_since := new.last_message_at;
        new.alarmed_at := null;
    elsif new.last_answered_seq <> old.last_answered_seq then
        -- An answer came, but the customer had written more meanwhile: they wait since then.
        new.waiting_since := coalesce((
            select min(m.created_at) from messages m
            where m.tenant_id = new.tenant_id and m.conversation_id = new.conversation_id
                and m.seq > new.last_answered_seq and m.role = 'customer'
        ), new.last_message_at);
        new.alarmed_at := null;
    end if;
    if new.status <> 'snoozed' then
        new.snoozed_until := null;
    end if;
    if new.last_send_seq is distinct from old.last_send_seq then
        new.undelivered_since := null;
    end if;
    return new;
end $$;
