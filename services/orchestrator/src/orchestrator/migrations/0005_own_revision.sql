-- Rises with each change of what orchestrator itself keeps for a tenant's turns: tools, curated
-- answers, experiments. Replicas that remember them ask for this number with every turn.
alter table tenants add column own_revision bigint not null default 0;
