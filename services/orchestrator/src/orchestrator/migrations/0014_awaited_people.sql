-- "A person will be with you" is no answer: who was promised one waits until a person speaks.
alter table conversations add column person_awaited_since timestamptz;

create or replace function conversation_waits() returns trigger language plpgsql as $$
begin
    if new.owner_kind <> 'human' or new.status in ('resolved', 'closed') then
        new.person_awaited_since := null;
    end if;
    if new.status in ('resolved', 'closed') or (new.last_customer_seq <= new.last_answered_seq
            and new.person_awaited_since is null) then
        new.waiting_since := null;
        new.alarmed_at := null;
    elsif new.waiting_since is null then
        new.waiting_since := new.last_message_at;
        new.alarmed_at := null;
    elsif new.last_answered_seq <> old.last_answered_seq
            and new.person_awaited_since is null then
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

drop trigger conversation_waits on conversations;
create trigger conversation_waits before update on conversations for each row
when (
    (new.status not in ('resolved', 'closed') and (new.last_customer_seq > new.last_answered_seq
            or new.person_awaited_since is not null))
        <> (new.waiting_since is not null)
    or (new.waiting_since is not null and new.last_answered_seq <> old.last_answered_seq)
    or (new.person_awaited_since is not null
        and (new.owner_kind <> 'human' or new.status in ('resolved', 'closed')))
    or (new.snoozed_until is not null and new.status <> 'snoozed')
    or (new.undelivered_since is not null
        and new.last_send_seq is distinct from old.last_send_seq)
)
execute function conversation_waits();
