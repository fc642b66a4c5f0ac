"""Answers what gateway asks about templates; Meta's own words where Meta refuses."""

from __future__ import annotations

import base64
import binascii
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import orjson

from bus import Bus, Refused
from channel_ingress.credentials import Credentials, CredentialsUnreadable
from channel_ingress.domain import NotSent, Unanswered
from channel_ingress.domain import Refused as MetaRefused
from channel_ingress.graph import Answered, GraphAnswer, GraphClient
from channel_ingress.media_fetch import TOKEN_CODES
from channel_ingress.planner import TemplateState
from channel_ingress.reading import MALFORMED
from channel_ingress.store import SendingChannel, Store
from channel_ingress.template_store import Account, Place, TemplateRow, TemplateStore
from channel_ingress.template_sync import FIELDS, SyncFailed, TemplateSync
from channel_ingress.templates import has_names, parameter_problem, places_of, read_template
from contracts.v1.shapes import TemplateCall
from contracts.v1.templates import (
    CreateTemplate,
    DeleteTemplate,
    EditTemplate,
    ListTemplates,
    SyncTemplates,
    TemplateDeleted,
    TemplateSaved,
    TemplatesListed,
    TemplatesSynced,
)
from postgres import Database, Transaction

PAGE_BYTES_MAX = 150_000
"""Templates of one answer, so that it fits into a message."""
PAGE_MAX = 50

TemplateRequest = CreateTemplate | DeleteTemplate | EditTemplate | ListTemplates | SyncTemplates


class KnownTemplates:
    """What the send planner asks."""

    def __init__(self, templates: TemplateStore) -> None:
        self._templates = templates

    async def template_state(
        self, tx: Transaction, channel: SendingChannel, template: TemplateCall
    ) -> TemplateState | None:
        """What is known of a template; None when nothing is."""
        choices = channel.choices
        if choices is None or choices.business_account_id is None:
            return None
        row = await self._templates.find_by_name(
            tx, channel.tenant_id, choices.business_account_id, template.name, template.language
        )
        if row is None:
            return None
        fits = parameter_problem(row, template) is None
        return TemplateState(row.status, row.category, len(row.places), fits)


class TemplateRequests:
    """Lists from our copy; creates, edits and deletes at Meta."""

    def __init__(
        self,
        database: Database,
        store: Store,
        sync: TemplateSync,
        graph: GraphClient,
        credentials: Credentials,
    ) -> None:
        self._database, self._store, self._sync = database, store, sync
        self._graph, self._credentials = graph, credentials

    def register(self, bus: Bus) -> None:
        """Answer on the bus."""
        bus.answer(ListTemplates, self.list)
        bus.answer(CreateTemplate, self.create)
        bus.answer(EditTemplate, self.edit)
        bus.answer(DeleteTemplate, self.delete)
        bus.answer(SyncTemplates, self.sync)

    async def list(self, request: ListTemplates) -> TemplatesListed:
        """A page of our copy, by name."""
        channel, account = await self._account(request)
        after = read_cursor(request.cursor)
        async with self._database.transaction(request.tenant_id) as tx:
            rows = await self._sync.templates.page(tx, account, request.status, after, PAGE_MAX + 1)
        page = fitting(rows[:PAGE_MAX])
        more = len(rows) > len(page)
        return TemplatesListed(
            templates=[row.told(channel.channel_id) for row in page],
            next_cursor=cursor_of(page[-1]) if more and page else None,
        )

    async def create(self, request: CreateTemplate) -> TemplateSaved:
        """Hand it in; Meta reviews it."""
        channel, account = await self._account(request)
        components = read_components(request.components)
        body: dict[str, Any] = {
            "name": request.name,
            "language": request.language,
            "category": request.category,
            "components": components,
        }
        if has_names(places_of(components)):
            body["parameter_format"] = "NAMED"
        path = f"{account.account_id}/message_templates"
        token = self._token(channel)
        said = accepted(await self._graph.call("POST", path, token, body=body))
        source = {**body, **said, "id": str(said.get("id") or "")}
        return await self._save(channel, account, token, source)

    async def edit(self, request: EditTemplate) -> TemplateSaved:
        """Change it at Meta, which reviews it again."""
        channel, account = await self._account(request)
        async with self._database.transaction(request.tenant_id) as tx:
            known = await self._sync.templates.find(tx, account, request.template_id)
        if known is None:
            raise Refused("not_found", "The account has no such template.")
        body: dict[str, Any] = {}
        if request.category is not None:
            body["category"] = request.category
        if request.components is not None:
            body["components"] = read_components(request.components)
        if not body:
            raise Refused("invalid_request", "Nothing is to be changed.")
        token = self._token(channel)
        accepted(await self._graph.call("POST", known.template_id, token, body=body))
        source = {
            "id": known.template_id,
            "name": known.name,
            "language": known.language,
            "category": request.category or known.category,
            "status": "PENDING",
            "components": body.get("components") or orjson.loads(known.components),
        }
        return await self._save(channel, account, token, source)

    async def delete(self, request: DeleteTemplate) -> TemplateDeleted:
        """Delete one language, or all of a name."""
        channel, account = await self._account(request)
        params = {"name": request.name}
        if request.template_id is not None:
            params["hsm_id"] = request.template_id
        path = f"{account.account_id}/message_templates"
        accepted(await self._graph.delete(path, self._token(channel), params))
        async with self._database.transaction(request.tenant_id) as tx:
            await self._sync.templates.lock(tx, account)
            gone = [
                row
                for row in (await self._sync.templates.of_account(tx, account)).values()
                if row.name == request.name and request.template_id in (None, row.template_id)
            ]
            await self._sync.removed(tx, account, gone)
        return TemplateDeleted(name=request.name)

    async def sync(self, request: SyncTemplates) -> TemplatesSynced:
        """Ask Meta for every template now."""
        channel, account = await self._account(request)
        try:
            synced = await self._sync.sync(channel, account)
        except SyncFailed as error:
            raise refused(error.answer) from error
        except CredentialsUnreadable as error:
            raise Refused("token_missing", f"The channel has no token: {error}.") from error
        return TemplatesSynced(found=synced.found, changed=synced.changed, removed=synced.removed)

    async def _save(
        self, channel: SendingChannel, account: Account, token: str, source: dict[str, Any]
    ) -> TemplateSaved:
        """Keep and say it as Meta has it now, or as we handed it in if Meta cannot be asked."""
        asked_at = datetime.now(UTC)
        answer = await self._graph.get(source["id"], token, {"fields": FIELDS})
        now = answer.body if isinstance(answer, Answered) else {}
        try:
            row = read_template({**source, **now}, channel.channel_id, asked_at)
        except MALFORMED as error:
            raise Refused("provider_unreadable", f"{type(error).__name__}: {error}") from error
        async with self._database.transaction(account.tenant_id) as tx:
            await self._sync.templates.lock(tx, account)
            await self._sync.changed(tx, account, [replace(row, synced_at=datetime.now(UTC))])
        return TemplateSaved(template=row.told(channel.channel_id))

    async def _account(self, request: TemplateRequest) -> tuple[SendingChannel, Account]:
        async with self._database.transaction(request.tenant_id) as tx:
            channel = await self._store.find_channel(tx, request.channel_id)
        if channel is None or channel.state == "removed" or channel.tenant_id != request.tenant_id:
            raise Refused("not_found", "The tenant has no such channel.")
        choices = channel.choices
        account_id = choices.business_account_id if choices else None
        if channel.channel_type != "whatsapp":
            raise Refused("no_business_account", "Only WhatsApp channels have templates.")
        if account_id is None:
            detail = "The channel has no business_account_id: put it into its settings."
            raise Refused("no_business_account", detail)
        return channel, Account(channel.tenant_id, account_id, channel.channel_id)

    def _token(self, channel: SendingChannel) -> str:
        try:
            return self._credentials.access_token(channel)
        except CredentialsUnreadable as error:
            raise Refused("token_missing", f"The channel has no token: {error}.") from error


def accepted(answer: GraphAnswer) -> dict[str, Any]:
    """What Meta did; Refused with its words when it did not."""
    if isinstance(answer, Answered):
        return answer.body
    raise refused(answer)


def refused(answer: MetaRefused | NotSent | Unanswered) -> Refused:
    """Meta's refusal in its own words."""
    if isinstance(answer, MetaRefused):
        code = "token_invalid" if answer.code in TOKEN_CODES else "provider_refused"
        return Refused(code, f"Meta refused it ({answer.code}): {answer.message}")
    if isinstance(answer, NotSent):
        return Refused("provider_unreachable", f"Meta could not be reached: {answer.reason}")
    detail = f"Meta did not answer ({answer.reason}), so nobody knows; look again in a minute."
    return Refused("provider_unreachable", detail)


def read_components(text: str) -> list[Any]:
    """Meta's component list; Refused when it is none."""
    try:
        components = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise Refused("invalid_request", f"components are no JSON: {error}") from error
    if not isinstance(components, list) or not all(isinstance(one, dict) for one in components):
        raise Refused("invalid_request", "components must be a JSON list of objects.")
    return components


def fitting(rows: list[TemplateRow]) -> list[TemplateRow]:
    """As many as fit into one answer, at least one."""
    page: list[TemplateRow] = []
    size = 0
    for row in rows:
        size += len(row.components.encode())
        if page and size > PAGE_BYTES_MAX:
            break
        page.append(row)
    return page


def cursor_of(row: TemplateRow) -> str:
    """Where the next page begins."""
    return base64.urlsafe_b64encode(
        orjson.dumps([row.name[:300], row.language, row.template_id])
    ).decode()


def read_cursor(text: str | None) -> Place | None:
    """The place behind which a page begins; Refused when it is none of ours."""
    if text is None:
        return None
    try:
        name, language, template_id = orjson.loads(base64.urlsafe_b64decode(text))
    except (binascii.Error, ValueError, TypeError) as error:
        raise Refused("invalid_cursor", "The cursor is none of ours.") from error
    return str(name), str(language), str(template_id)
