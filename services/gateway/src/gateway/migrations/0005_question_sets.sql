-- A tenant's own questions with the documents that answer them, and what was measured with them.

create table question_sets (
    tenant_id uuid not null references tenants,
    set_id uuid primary key,
    name text not null,
    created_at timestamptz not null default now(),
    unique (tenant_id, name)
);

-- `relevant` is a list of {"document_id", "grade"}. A document that is deleted later stays judged:
-- that it is not found any more is what a run is to show.
create table questions (
    tenant_id uuid not null references tenants,
    question_id uuid primary key,
    set_id uuid not null references question_sets on delete cascade,
    question text not null,
    relevant jsonb not null,
    created_at timestamptz not null default now(),
    unique (set_id, question)
);
create index questions_of_set on questions (set_id, created_at, question_id);

create table question_runs (
    tenant_id uuid not null references tenants,
    run_id uuid primary key,
    set_id uuid not null references question_sets on delete cascade,
    note text not null,
    figures jsonb not null,
    created_at timestamptz not null default now()
);
create index question_runs_newest on question_runs (set_id, created_at desc, run_id desc);

do $$
declare
    name text;
begin
    foreach name in array array['question_sets', 'questions', 'question_runs']
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
