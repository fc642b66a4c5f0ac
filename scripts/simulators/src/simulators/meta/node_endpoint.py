"""`/{version}/{id}` and its edges: numbers, pages, accounts, subscriptions, history, tokens."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from simulators.meta.envelope import GraphError, json_answer
from simulators.meta.faults import Faults, Operation
from simulators.meta.graph_calls import answer_with_fault
from simulators.meta.media_endpoint import MediaEndpoint, no_such_object
from simulators.meta.media_store import MediaStore
from simulators.meta.message_history import MessageHistory
from simulators.meta.node_book import NodeBook
from simulators.meta.paging import chosen, page_of
from simulators.meta.settings import Settings
from simulators.meta.template_endpoint import TemplateEndpoint
from simulators.meta.template_store import TemplateStore
from simulators.meta.tokens import TokenBook
from simulators.meta.uploads import read_upload

Json = dict[str, Any]


class NodeEndpoint:
    """Answers about ids, whatever they stand for."""

    def __init__(
        self,
        settings: Settings,
        faults: Faults,
        tokens: TokenBook,
        nodes: NodeBook,
        history: MessageHistory,
    ) -> None:
        self._settings, self._faults, self._tokens = settings, faults, tokens
        self._nodes, self._history = nodes, history

    def attach(
        self,
        media: MediaEndpoint,
        media_store: MediaStore,
        templates: TemplateEndpoint,
        template_store: TemplateStore,
    ) -> None:
        """Let ids of files and templates be found as well."""
        self._media, self._media_store = media, media_store
        self._templates, self._template_store = templates, template_store

    async def get(self, request: web.Request) -> web.StreamResponse:
        """`GET /{id}?fields=`: a file, a template, a number, a page or an account."""
        self._tokens.check(request)
        node_id = request.match_info["node"]
        if self._media_store.find(node_id) is not None:
            return await self._media.look_up(request)
        template = self._template_store.find(node_id)
        found = (
            template.as_json()
            if template is not None
            else self._nodes.find(node_id, request.query.get("fields", ""))
        )
        if found is None:
            fault = self._faults.take(node_id, "", "media")
            return await answer_with_fault(request, fault, _missing(node_id))
        return await self._answer(request, node_id, "nodes", chosen(found, request))

    async def post(self, request: web.Request) -> web.StreamResponse:
        """`POST /{template_id}`: edit a template."""
        self._tokens.check(request)
        return await self._templates.edit(request)

    async def delete(self, request: web.Request) -> web.StreamResponse:
        """`DELETE /{media_id}`."""
        self._tokens.check(request)
        return await self._media.delete(request)

    async def phone_numbers(self, request: web.Request) -> web.StreamResponse:
        """`GET /{account}/phone_numbers`."""
        self._tokens.check(request)
        account_id = request.match_info["account"]
        rows = [chosen(one, request) for one in self._nodes.numbers_of(account_id)]
        return await self._answer(request, account_id, "nodes", page_of(request, rows))

    async def subscribed(self, request: web.Request) -> web.StreamResponse:
        """`GET /{account or page}/subscribed_apps`."""
        node_id = self._visible(request)
        fields = self._nodes.subscription(node_id)
        rows = [] if fields is None else [self._subscription(node_id, fields)]
        return await self._answer(request, node_id, "nodes", {"data": rows})

    async def subscribe(self, request: web.Request) -> web.StreamResponse:
        """`POST`: with `override_callback_uri` and `verify_token`, or a page's fields."""
        node_id = self._visible(request)
        fields = dict(request.query)
        if request.can_read_body:
            if request.content_type == "application/x-www-form-urlencoded":
                fields |= {key: str(value) for key, value in (await request.post()).items()}
            else:
                fields |= (await read_upload(request)).fields
        fields.pop("access_token", None)
        if "override_callback_uri" in fields and "verify_token" not in fields:
            raise GraphError(100, "(#100) verify_token is required with override_callback_uri")

        async def accept(_: bool) -> web.Response:
            self._nodes.subscribe(node_id, fields)
            said: Json = {"success": True}
            if "override_callback_uri" in fields:
                said["data"] = [self._subscription(node_id, fields)]
            return json_answer(said)

        fault = self._faults.take(node_id, "", "nodes")
        return await answer_with_fault(request, fault, accept)

    async def unsubscribe(self, request: web.Request) -> web.StreamResponse:
        """`DELETE`: our app hears nothing more of it."""
        node_id = self._visible(request)
        self._nodes.subscribe(node_id, None)
        return await self._answer(request, node_id, "nodes", {"success": True})

    async def debug_token(self, request: web.Request) -> web.StreamResponse:
        """`GET /debug_token?input_token=`."""
        self._tokens.check(request)
        token = request.query.get("input_token", "")
        if not token:
            raise GraphError(100, "(#100) The parameter input_token is required.")
        said = {"data": self._tokens.description(token)}
        return await self._answer(request, "debug_token", "nodes", said)

    async def message_history(self, request: web.Request) -> web.StreamResponse:
        """`GET /{phone_number_id}/message_history?message_id=`."""
        self._tokens.check(request)
        number = request.match_info["account"]
        rows = self._history.rows(number, request.query.get("message_id", ""))
        return await self._answer(request, number, "history", page_of(request, rows))

    async def history_events(self, request: web.Request) -> web.StreamResponse:
        """`GET /{message_history_id}/events?status_filter=`."""
        self._tokens.check(request)
        history_id = request.match_info["account"]
        found = self._history.events(history_id)
        if found is None:
            raise no_such_object(history_id)
        wanted = request.query.get("status_filter", "")
        rows = [one for one in found if wanted in ("", one["node"]["delivery_status"])]
        return await self._answer(request, history_id, "history", page_of(request, rows))

    def _visible(self, request: web.Request) -> str:
        self._tokens.check(request)
        node_id = request.match_info["account"]
        if self._nodes.missing(node_id):
            raise no_such_object(node_id)
        return node_id

    def _subscription(self, node_id: str, fields: Json) -> Json:
        app_id = self._settings.app_id
        link, name = f"https://www.facebook.com/games/?app_id={app_id}", "Simulated app"
        if self._nodes.is_page(node_id):
            names = str(fields.get("subscribed_fields", "messages")).strip("[]").replace('"', "")
            listed = [one.strip() for one in names.split(",") if one.strip()]
            return {"id": app_id, "name": name, "link": link, "subscribed_fields": listed}
        found: Json = {"whatsapp_business_api_data": {"id": app_id, "name": name, "link": link}}
        if "override_callback_uri" in fields:
            found["override_callback_uri"] = fields["override_callback_uri"]
        return found

    async def _answer(
        self, request: web.Request, node_id: str, operation: Operation, body: Json
    ) -> web.StreamResponse:
        async def accept(_: bool) -> web.Response:
            return json_answer(body)

        fault = self._faults.take(node_id, "", operation)
        return await answer_with_fault(request, fault, accept)


def _missing(node_id: str) -> Callable[[bool], Awaitable[web.Response]]:
    async def refuse(_: bool) -> web.Response:
        raise no_such_object(node_id)

    return refuse
