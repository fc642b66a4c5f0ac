-- Our copy of the templates of each WhatsApp Business Account, and when to ask for them again.

create table templates (
    tenant_id uuid not null,
    account_id text not null,
    template_id text not null,
    channel_id uuid not null,
    name text not null,
    language text not null,
    category text not null,
    status text not null,
    quality text,
    rejected_reason text,
    components text not null,
    places text[] not null,
    synced_at timestamptz not null,
    primary key (tenant_id, account_id, template_id)
);
create index templates_by_name on templates (tenant_id, account_id, name, language);
create index templates_in_order
    on templates (tenant_id, account_id, left(name, 300), language, template_id);

create table template_syncs (
    tenant_id uuid not null,
    account_id text not null,
    sync_at timestamptz not null default now(),
    synced_at timestamptz,
    problem text,
    primary key (tenant_id, account_id)
);
create index template_syncs_due on template_syncs (sync_at);

do $$
declare
    name text;
begin
    foreach name in array array['templates', 'template_syncs']
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
