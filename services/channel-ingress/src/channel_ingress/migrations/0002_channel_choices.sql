-- What a tenant chose for a channel, and the account by which notices name it.

alter table channels add column choices text;
alter table channels add column business_account_id text;
alter table channels add column app_id text;
create index channels_by_account on channels (business_account_id)
    where business_account_id is not null;
