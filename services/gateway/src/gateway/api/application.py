"""The FastAPI application: every route, and one shape for every error."""

import asyncpg
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from bus import AskFailed
from gateway import owner_failures, problems, refusals
from gateway.api import (
    audit_log,
    canned_replies,
    channel_health,
    channels,
    chat,
    contacts,
    conversations,
    curated_answers,
    document_batches,
    document_content,
    document_texts,
    documents,
    experiments,
    health,
    inbox,
    keys,
    knowledge,
    mcp_servers,
    me,
    media,
    messages,
    model_providers,
    model_routes,
    qa_pairs,
    question_sets,
    replays,
    resumable_uploads,
    search,
    spending,
    templates,
    tenants,
    timelines,
    tools,
    turns,
    unanswered,
    web_sources,
    webhook_endpoints,
)
from gateway.api.parts import Parts
from gateway.api.reference import add_reference
from gateway.keeper import NotKept
from gateway.quotas import QuotaExceeded
from gateway.widget import dashboard, pages, sessions, uploads
from postgres import DatabaseAway

_DESCRIPTION = (
    "Authorise with `Authorization: Bearer <key>`: the admin key everywhere, a tenant's key at its "
    "own tenant. Errors are problem+json with a stable `code` and a `trace_id`. Lists are read "
    "page by page with `cursor` and `limit`. `Idempotency-Key` makes a POST safe to repeat."
)
_ROUTED = (
    health,
    tenants,
    channels,
    channel_health,
    templates,
    contacts,
    conversations,
    inbox,
    canned_replies,
    curated_answers,
    unanswered,
    messages,
    turns,
    timelines,
    chat,
    replays,
    experiments,
    spending,
    media,
    documents,
    document_texts,
    document_batches,
    document_content,
    knowledge,
    qa_pairs,
    question_sets,
    resumable_uploads,
    web_sources,
    search,
    tools,
    mcp_servers,
    model_routes,
    model_providers,
    webhook_endpoints,
    keys,
    me,
    audit_log,
    sessions,
    uploads,
    pages,
    dashboard,
)


def build_application(parts: Parts) -> FastAPI:
    """The application over its parts."""
    app = FastAPI(
        title="Meta Chat Platform",
        version="1",
        description=_DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json",
        redirect_slashes=False,
    )
    app.state.parts = parts
    for module in _ROUTED:
        app.include_router(module.router)
    add_reference(app)
    app.add_exception_handler(HTTPException, problems.http_error)
    app.add_exception_handler(RequestValidationError, problems.validation_error)
    app.add_exception_handler(AskFailed, owner_failures.ask_failed)
    app.add_exception_handler(QuotaExceeded, refusals.refused)
    app.add_exception_handler(NotKept, refusals.refused)
    for away in (
        DatabaseAway,
        asyncpg.InterfaceError,
        asyncpg.PostgresConnectionError,
        asyncpg.OperatorInterventionError,
    ):
        app.add_exception_handler(away, owner_failures.database_away)
    app.add_exception_handler(Exception, problems.unexpected_error)
    return app
