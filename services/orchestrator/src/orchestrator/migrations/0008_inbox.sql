-- What people do in the inbox, and how a conversation lives beside its turns.
alter table conversations
    add column tags text[] not null default '{}',
    add column language text,
    -- Whether the customer's words told the language, or a person said it: theirs stays.
    add column language_by text check (language_by in ('customer', 'person')),
    add column metadata json,
    add column snoozed_until timestamptz,
    -- When the first message that nobody answered came; kept by the trigger below.
    add column waiting_since timestamptz,
    -- When that was told; once per waiting.
    add column alarmed_at timestamptz,
    -- When the newest message to the customer was found not to have reached them.
    add column undelivered_since timestamptz,
    -- End of the absence in which the customer was told that nobody is there.
    add column away_until timestamptz,
    add column rating smallint check (rating between 1 and 5),
    add column rating_asked_seq bigint,
    add column rating_asked_at timestamptz,
    add column brief jsonb;

-- Who waits is decided in one place, whatever statement (of whatever version) changed the row.
create function conversation_waits() returns trigger language plpgsql as $$
begin
    if new.last_customer_seq <= new.last_answered_seq or new.status in ('resolved', 'closed') then
        new.waiting_since := null;
        new.alarmed_at := null;
    elsif new.waiting_since is null then
        new.waiting_since := new.last_message_at;
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

create trigger conversation_waits before update on conversations for each row
when (
    (new.last_customer_seq > new.last_answered_seq and new.status not in ('resolved', 'closed'))
        <> (new.waiting_since is not null)
    or (new.waiting_since is not null and new.last_answered_seq <> old.last_answered_seq)
    or (new.snoozed_until is not null and new.status <> 'snoozed')
    or (new.undelivered_since is not null
        and new.last_send_seq is distinct from old.last_send_seq)
)
execute function conversation_waits();

create index conversations_of_status on conversations
    (tenant_id, status, last_message_at desc, conversation_id);
create index conversations_of_people on conversations
    (tenant_id, assignee, last_message_at desc, conversation_id) where owner_kind = 'human';
create index conversations_waiting on conversations
    (tenant_id, waiting_since, conversation_id) where waiting_since is not null;
create index conversations_unalarmed on conversations (waiting_since)
    where waiting_since is not null and alarmed_at is null;
create index conversations_undelivered on conversations (undelivered_since)
    where undelivered_since is not null;
create index conversations_snoozed on conversations (snoozed_until)
    where snoozed_until is not null;

-- Words by which conversations are found: of messages and of the customer's names, `#` before a
-- tag, `@` before the channel's id of the customer. Rows instead of a text index, because only
-- comparisons that leak nothing may use an index under row-level security. No foreign key: it would
-- be asked for every word.
create table conversation_words (
    tenant_id uuid not null,
    word text collate "C" not null,
    conversation_id uuid not null,
    primary key (tenant_id, word, conversation_id)
);

create function chat_search_words(words text) returns text[]
language sql immutable parallel safe as $$
    select coalesce(array_agg(distinct left(word, 64)), '{}')
    from regexp_split_to_table(lower(left(words, 8000)), '[^[:alnum:]]+') as word
    where word <> ''
$$;

-- Whose words are still to be kept: rows come with the message, in its own commit, and go when a
-- sweep has kept the words, since nobody who writes shall wait for that. Without a message: the
-- names of the conversation's customer. No index: it is read from its beginning, and short.
create table words_due (
    tenant_id uuid not null,
    conversation_id uuid not null,
    message_id uuid
);

create function message_words_due() returns trigger language plpgsql as $$
begin
    insert into words_due values (new.tenant_id, new.conversation_id, new.message_id);
    return null;
end $$;

create function conversation_words_due() returns trigger language plpgsql as $$
begin
    insert into words_due values (new.tenant_id, new.conversation_id, null);
    return null;
end $$;

create function contact_words_due() returns trigger language plpgsql as $$
begin
    insert into words_due
    select c.tenant_id, c.conversation_id, null
    from conversations c
    where c.tenant_id = new.tenant_id and c.channel_id = new.channel_id
        and c.contact_external_id = new.external_id;
    return null;
end $$;

create trigger message_words_due after insert on messages for each row when (new.text <> '')
execute function message_words_due();
create trigger conversation_words_due after insert on conversations for each row
execute function conversation_words_due();
create trigger contact_words_due after update of display_name, phone, username, email, user_id
on contacts for each row execute function contact_words_due();

-- Words for colleagues, never sent.
create table notes (
    note_id uuid not null,
    tenant_id uuid not null,
    conversation_id uuid not null,
    after_seq bigint not null,
    author text not null,
    text text not null,
    created_at timestamptz not null default clock_timestamp(),
    primary key (tenant_id, note_id),
    foreign key (tenant_id, conversation_id) references conversations (tenant_id, conversation_id)
        on delete cascade
);
create index notes_of_conversation on notes (conversation_id, created_at);

create table canned_replies (
    canned_reply_id uuid not null,
    tenant_id uuid not null,
    shortcut text not null,
    title text not null,
    text text not null,
    language text,
    used bigint not null default 0,
    updated_at timestamptz not null default clock_timestamp(),
    primary key (tenant_id, canned_reply_id)
);
create unique index canned_replies_shortcut on canned_replies
    (tenant_id, shortcut, coalesce(language, ''));

-- Who has a conversation open, for half a minute.
create table presences (
    tenant_id uuid not null,
    conversation_id uuid not null,
    author text not null,
    state text not null check (state in ('viewing', 'typing')),
    until timestamptz not null,
    primary key (tenant_id, conversation_id, author)
);
create index presences_until on presences (until);

-- What customers said of their conversations; the id is the message with which they did.
create table ratings (
    rating_id uuid not null,
    tenant_id uuid not null,
    conversation_id uuid not null,
    score smallint not null check (score between 1 and 5),
    comment text,
    assignee text,
    created_at timestamptz not null default clock_timestamp(),
    primary key (tenant_id, rating_id),
    foreign key (tenant_id, conversation_id) references conversations (tenant_id, conversation_id)
        on delete cascade
);
create index ratings_of_conversation on ratings (conversation_id, created_at);

alter table conversation_words enable row level security;
alter table conversation_words force row level security;
create policy conversation_words_visible on conversation_words
    using (chat_tenant_visible(tenant_id)) with check (chat_tenant_visible(tenant_id));
alter table words_due enable row level security;
alter table words_due force row level security;
create policy words_due_visible on words_due
    using (chat_tenant_visible(tenant_id)) with check (chat_tenant_visible(tenant_id));
alter table notes enable row level security;
alter table notes force row level security;
create policy notes_visible on notes
    using (chat_tenant_visible(tenant_id)) with check (chat_tenant_visible(tenant_id));
alter table canned_replies enable row level security;
alter table canned_replies force row level security;
create policy canned_replies_visible on canned_replies
    using (chat_tenant_visible(tenant_id)) with check (chat_tenant_visible(tenant_id));
alter table presences enable row level security;
alter table presences force row level security;
create policy presences_visible on presences
    using (chat_tenant_visible(tenant_id)) with check (chat_tenant_visible(tenant_id));
alter table ratings enable row level security;
alter table ratings force row level security;
create policy ratings_visible on ratings
    using (chat_tenant_visible(tenant_id)) with check (chat_tenant_visible(tenant_id));
