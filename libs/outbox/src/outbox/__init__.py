"""Save-and-say: outbox relay, inbox, delayed messages and attempts in Postgres."""
