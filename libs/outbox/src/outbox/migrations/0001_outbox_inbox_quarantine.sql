-- What is to be said, what was heard, and what could not be handled. No tenant_id column: these
-- rows are the platform's; the tenant is inside the message.

create table outbox (
    id bigint generated always as identity primary key,
    message_id uuid not null,
    exchange text not null,
    routing_key text not null,
    address text not null,
    body bytea not null,
    headers jsonb not null default '{}',
    available_at timestamptz not null,
    created_at timestamptz not null default now(),
    tries int not null default 0,
    last_error text
) with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 500);
create index outbox_due on outbox (available_at);

create table inbox (
    queue text not null,
    message_id uuid not null,
    heard_at timestamptz not null default now(),
    primary key (queue, message_id)
);
create index inbox_age on inbox (heard_at);

create table inbox_attempts (
    queue text not null,
    message_id uuid not null,
    attempts int not null,
    last_at timestamptz not null default now(),
    primary key (queue, message_id)
);

create table quarantine (
    id bigint generated always as identity primary key,
    queue text not null,
    message_id uuid not null,
    address text not null,
    body bytea not null,
    headers jsonb not null,
    attempts int not null,
    error text not null,
    quarantined_at timestamptz not null default now(),
    redriven_at timestamptz
);
create index quarantine_open on quarantine (quarantined_at) where redriven_at is null;
