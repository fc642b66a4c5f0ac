-- A replay takes a tenant's newest turns: without reading all of them.
create index turns_by_time on turns (tenant_id, ended_at desc);
