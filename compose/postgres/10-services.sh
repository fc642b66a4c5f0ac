#!/bin/sh
# One database and two login roles a service: the owner migrates, the other one works.
# Every database is closed to everybody else. Running it again only sets the passwords.
#
# Passwords come as CHAT_OWNER_<SERVICE> and CHAT_APP_<SERVICE>; psql connects as a superuser
# by its own variables (PGHOST, PGUSER …), or as the image's init script does.
set -eu

: "${CHAT_SERVICES:=gateway channel_ingress orchestrator rag_indexer retriever llm_router webhook_dispatcher}"
export PGUSER="${PGUSER:-${POSTGRES_USER:-postgres}}"
run() { psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 "$@"; }

run --dbname postgres <<'SQL'
revoke connect on database postgres, template1 from public;
SQL

for service in $CHAT_SERVICES; do
    upper=$(echo "$service" | tr '[:lower:]' '[:upper:]')
    eval ": \${CHAT_OWNER_$upper:?password of ${service}_owner}"
    eval ": \${CHAT_APP_$upper:?password of $service}"
    # Passwords are read from the environment: arguments can be seen by every process.
    run --dbname postgres --set "owner=${service}_owner" --set "app=$service" \
        --set "database=chat_$service" --file - <<SQL
\\getenv owner_password CHAT_OWNER_$upper
\\getenv app_password CHAT_APP_$upper
select format('create role %I', role) from unnest(array[:'owner', :'app']) as role
where not exists (select from pg_roles where rolname = role) \gexec
alter role :"owner" with login nosuperuser nocreatedb nocreaterole nobypassrls noreplication
    password :'owner_password';
alter role :"app" with login nosuperuser nocreatedb nocreaterole nobypassrls noreplication
    password :'app_password';
select format('create database %I owner %I', :'database', :'owner')
where not exists (select from pg_database where datname = :'database') \gexec
revoke all on database :"database" from public;
grant connect on database :"database" to :"owner", :"app";
SQL
    run --dbname "chat_$service" --command 'create extension if not exists vector'
done
