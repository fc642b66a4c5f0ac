-- Words that a person wrote for questions that come again; said as they stand, without a model.
create table curated_answers (
    curated_answer_id uuid not null,
    tenant_id uuid not null,
    text text not null,
    source_url text,
    enabled boolean not null,
    used bigint not null default 0,
    updated_at timestamptz not null default clock_timestamp(),
    primary key (tenant_id, curated_answer_id)
);
create index curated_answers_newest on curated_answers (tenant_id, updated_at desc, curated_answer_id);

create table curated_questions (
    tenant_id uuid not null,
    curated_answer_id uuid not null,
    place int not null,
    question text not null,
    -- The same words without case, signs and greetings: what an equal question has, too.
    folded text not null,
    -- Of the question's meaning; null where no model could say it yet.
    model text,
    vector bytea,
    primary key (tenant_id, curated_answer_id, place),
    unique (tenant_id, folded),
    check ((model is null) = (vector is null)),
    foreign key (tenant_id, curated_answer_id)
        references curated_answers (tenant_id, curated_answer_id) on delete cascade
);

-- Questions that mean the same and that nothing answered; the first one stands for all.
create table unanswered_clusters (
    cluster_id uuid not null,
    tenant_id uuid not null,
    question text not null,
    folded text not null,
    model text,
    vector bytea,
    asked int not null,
    state text not null default 'open' check (state in ('open', 'answered', 'dismissed')),
    first_asked_at timestamptz not null,
    last_asked_at timestamptz not null,
    curated_answer_id uuid,
    primary key (tenant_id, cluster_id),
    check ((model is null) = (vector is null))
);
create index unanswered_most_asked on unanswered_clusters
    (tenant_id, state, asked desc, cluster_id);
create index unanswered_folded on unanswered_clusters (tenant_id, folded);

-- A turn that ended without an answer; without a cluster until somebody has compared it.
create table unanswered_questions (
    turn_id uuid not null,
    tenant_id uuid not null,
    conversation_id uuid not null,
    question text not null,
    reason text not null,
    asked_at timestamptz not null default clock_timestamp(),
    cluster_id uuid,
    primary key (tenant_id, turn_id),
    foreign key (tenant_id, conversation_id)
        references conversations (tenant_id, conversation_id) on delete cascade,
    foreign key (tenant_id, cluster_id)
        references unanswered_clusters (tenant_id, cluster_id) on delete cascade
);
create index unanswered_of_cluster on unanswered_questions
    (tenant_id, cluster_id, asked_at desc);
create index unanswered_loose on unanswered_questions (tenant_id, asked_at)
    where cluster_id is null;

-- What was said up to a place, in few words: for prompts that cannot hold all of it.
create table conversation_summaries (
    conversation_id uuid not null,
    tenant_id uuid not null,
    through_seq bigint not null,
    text text not null,
    written_by text not null,
    updated_at timestamptz not null default clock_timestamp(),
    primary key (tenant_id, conversation_id),
    foreign key (tenant_id, conversation_id)
        references conversations (tenant_id, conversation_id) on delete cascade
);

-- What is to be written about a conversation when nobody waits for it.
create table writing_due (
    conversation_id uuid not null,
    tenant_id uuid not null,
    kind text not null check (kind in ('summary', 'brief')),
    through_seq bigint not null,
    tries int not null default 0,
    due_at timestamptz not null default clock_timestamp(),
    primary key (tenant_id, conversation_id, kind),
    foreign key (tenant_id, conversation_id)
        references conversations (tenant_id, conversation_id) on delete cascade
);
create index writing_due_first on writing_due (due_at);

alter table curated_answers enable row level security;
alter table curated_answers force row level security;
create policy curated_answers_visible on curated_answers
    using (chat_tenant_visible(tenant_id)) with check (chat_tenant_visible(tenant_id));
alter table curated_questions enable row level security;
alter table curated_questions force row level security;
create policy curated_questions_visible on curated_questions
    using (chat_tenant_visible(tenant_id)) with check (chat_tenant_visible(tenant_id));
alter table unanswered_clusters enable row level security;
alter table unanswered_clusters force row level security;
create policy unanswered_clusters_visible on unanswered_clusters
    using (chat_tenant_visible(tenant_id)) with check (chat_tenant_visible(tenant_id));
alter table unanswered_questions enable row level security;
alter table unanswered_questions force row level security;
create policy unanswered_questions_visible on unanswered_questions
    using (chat_tenant_visible(tenant_id)) with check (chat_tenant_visible(tenant_id));
alter table conversation_summaries enable row level security;
alter table conversation_summaries force row level security;
create policy conversation_summaries_visible on conversation_summaries
    using (chat_tenant_visible(tenant_id)) with check (chat_tenant_visible(tenant_id));
alter table writing_due enable row level security;
alter table writing_due force row level security;
create policy writing_due_visible on writing_due
    using (chat_tenant_visible(tenant_id)) with check (chat_tenant_visible(tenant_id));
