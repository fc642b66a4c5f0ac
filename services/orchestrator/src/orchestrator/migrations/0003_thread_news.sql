-- When the newest news of Messenger's thread happened: older news that comes late changes nothing.
alter table conversations add column thread_changed_at timestamptz;
