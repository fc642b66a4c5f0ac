-- Conversations that wait until people are back.
create index conversations_away on conversations (away_until) where away_until is not null;
