-- The rest of what channel-ingress says of a customer: who they are over all channels.
alter table contacts
    add column book_contact_id uuid,
    add column user_id text,
    add column username text,
    add column email text;
