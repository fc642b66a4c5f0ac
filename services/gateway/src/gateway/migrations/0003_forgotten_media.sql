-- A visitor's file can be named in a message for a day: its row is forgotten after two.

create index media_uploads_of_visitors on media_uploads (created_at) where visitor_id is not null;
