-- Copies of what gateway owns: only what decisions here need, with gateway's rising revision.
create table tenants (
    tenant_id uuid primary key,
    revision bigint not null,
    name text not null,
    state text not null check (state in ('active', 'suspended', 'removed')),
    settings jsonb not null,
    heard_at timestamptz not null default now()
);

create table channels (
    channel_id uuid primary key,
    tenant_id uuid not null,
    revision bigint not null,
    channel_type text not null,
    name text not null,
    state text not null check (state in ('active', 'disabled', 'removed')),
    heard_at timestamptz not null default now(),
    unique (tenant_id, channel_id)
);

-- A customer as one channel knows them.
create table contacts (
    contact_id uuid primary key,
    tenant_id uuid not null,
    channel_id uuid not null,
    external_id text not null,
    display_name text,
    phone text,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    unique (tenant_id, contact_id),
    unique (channel_id, external_id),
    foreign key (tenant_id, channel_id) references channels (tenant_id, channel_id)
);

-- Order, uniqueness and leases live in this row; whoever changes it holds its lock.
create table conversations (
    conversation_id uuid primary key,
    tenant_id uuid not null,
    channel_id uuid not null,
    channel_type text not null,
    contact_id uuid not null,
    contact_external_id text not null,
    status text not null check (status in
        ('active', 'waiting', 'assigned_human', 'snoozed', 'resolved', 'closed')),
    owner_kind text not null check (owner_kind in ('bot', 'human', 'integrator', 'nobody')),
    assignee text,
    ownership_number bigint not null check (ownership_number >= 1),
    last_seq bigint not null default 0,
    last_customer_seq bigint not null default 0,
    last_answered_seq bigint not null default 0,
    -- When the bot may begin the next turn; null when nothing waits for it.
    turn_due_at timestamptz,
    turn_attempts int not null default 0,
    lease_epoch bigint not null default 0,
    lease_until timestamptz,
    created_at timestamptz not null default now(),
    last_message_at timestamptz not null default now(),
    unique (tenant_id, conversation_id),
    foreign key (tenant_id, contact_id) references contacts (tenant_id, contact_id),
    check (last_answered_seq <= last_seq and last_customer_seq <= last_seq)
);
-- The indexes leave out columns that change with every message, except the two that are lists.
create index conversations_newest on conversations (tenant_id, last_message_at desc, conversation_id);
create index conversations_of_contact on conversations (channel_id, contact_external_id);
create index conversations_due on conversations (turn_due_at) where turn_due_at is not null;

-- message_id is uuid5 of the conversation and what makes the message unique (the provider's id, the
-- idempotency key, the turn), so the primary key is what makes repeats harmless.
create table messages (
    message_id uuid primary key,
    tenant_id uuid not null,
    conversation_id uuid not null,
    seq bigint not null check (seq >= 1),
    role text not null check (role in ('customer', 'bot', 'agent', 'system')),
    author text,
    text text not null,
    content jsonb,
    citations jsonb,
    provider_message_id text,
    client_message_id text,
    turn_id uuid,
    send_id uuid,
    delivery text not null check (delivery in ('none', 'planned', 'attempting', 'accepted',
        'delivered', 'read', 'failed', 'unknown')),
    delivery_code text,
    sent_at timestamptz,
    created_at timestamptz not null,
    unique (conversation_id, seq),
    foreign key (tenant_id, conversation_id) references conversations (tenant_id, conversation_id)
);
create unique index messages_sends on messages (send_id) where send_id is not null;

-- What became of the customer's messages first_seq to last_seq, and on what evidence.
create table turns (
    turn_id uuid primary key,
    tenant_id uuid not null,
    conversation_id uuid not null,
    first_seq bigint not null,
    last_seq bigint not null,
    lease_epoch bigint not null,
    attempt int not null,
    outcome text not null check (outcome in
        ('retrying', 'answered', 'handed_off', 'failed_politely', 'suppressed')),
    recorded_message_id uuid,
    evidence jsonb not null,
    started_at timestamptz not null,
    ended_at timestamptz not null,
    unique (conversation_id, first_seq),
    foreign key (tenant_id, conversation_id) references conversations (tenant_id, conversation_id)
);

alter table tenants enable row level security;
alter table tenants force row level security;
create policy tenants_visible on tenants
    using (chat_tenant_visible(tenant_id)) with check (chat_tenant_visible(tenant_id));
alter table channels enable row level security;
alter table channels force row level security;
create policy channels_visible on channels
    using (chat_tenant_visible(tenant_id)) with check (chat_tenant_visible(tenant_id));
alter table contacts enable row level security;
alter table contacts force row level security;
create policy contacts_visible on contacts
    using (chat_tenant_visible(tenant_id)) with check (chat_tenant_visible(tenant_id));
alter table conversations enable row level security;
alter table conversations force row level security;
create policy conversations_visible on conversations
    using (chat_tenant_visible(tenant_id)) with check (chat_tenant_visible(tenant_id));
alter table messages enable row level security;
alter table messages force row level security;
create policy messages_visible on messages
    using (chat_tenant_visible(tenant_id)) with check (chat_tenant_visible(tenant_id));
alter table turns enable row level security;
alter table turns force row level security;
create policy turns_visible on turns
    using (chat_tenant_visible(tenant_id)) with check (chat_tenant_visible(tenant_id));
