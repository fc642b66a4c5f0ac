"""`/{account}/message_templates` and `/{template_id}`: the life of templates."""

from __future__ import annotations

import asyncio
from typing import Any

from aiohttp import web

from simulators.meta.envelope import GraphError, json_answer, json_object
from simulators.meta.faults import Faults
from simulators.meta.graph_calls import answer_with_fault
from simulators.meta.media_endpoint import no_such_object
from simulators.meta.notices import Notices
from simulators.meta.paging import chosen, page_of
from simulators.meta.settings import Settings
from simulators.meta.template_rules import DUPLICATE_SUBCODE, check_components, check_new
from simulators.meta.template_store import QUALITIES, STATES, Template, TemplateStore
from simulators.meta.tokens import TokenBook

Json = dict[str, Any]
EDITABLE = frozenset({"APPROVED", "REJECTED", "PAUSED"})


class TemplateEndpoint:
    """Lists, makes, edits and deletes templates; reviews them after a while."""

    def __init__(
        self,
        settings: Settings,
        store: TemplateStore,
        faults: Faults,
        tokens: TokenBook,
        notices: Notices,
    ) -> None:
        self._settings, self._store, self._faults = settings, store, faults
        self._tokens, self._notices = tokens, notices
        self._reviews: set[asyncio.Task[None]] = set()

    async def list(self, request: web.Request) -> web.StreamResponse:
        """`GET`: filtered by `name`, `language`, `status`, `category`; paged."""
        self._tokens.check(request)
        account_id = request.match_info["account"]
        found = self._store.of(account_id, language=request.query.get("language", ""))
        wanted = request.query.get("name", "")
        rows = [
            chosen(one.as_json(), request)
            for one in found
            if wanted in one.name
            and request.query.get("status", one.status).upper() == one.status
            and request.query.get("category", one.category).upper() == one.category
        ]

        async def accept(_: bool) -> web.Response:
            return json_answer(page_of(request, rows))

        return await self._answer(request, account_id, accept)

    async def create(self, request: web.Request) -> web.StreamResponse:
        """`POST`: a new template, PENDING until it is reviewed."""
        self._tokens.check(request)
        account_id = request.match_info["account"]
        fields = json_object(await request.read())
        check_new(fields)
        if self._store.of(account_id, fields["name"], fields["language"]):
            raise GraphError(
                100,
                "Content in this language already exists: there is a template with this name "
                "in this language",
                subcode=DUPLICATE_SUBCODE,
            )

        async def accept(_: bool) -> web.Response:
            template = self._store.add(
                account_id,
                name=fields["name"],
                language=fields["language"],
                category=str(fields["category"]).upper(),
                components=fields["components"],
                parameter_format=str(fields.get("parameter_format", "POSITIONAL")).upper(),
            )
            self._review(template)
            said = {
                "id": template.template_id,
                "status": template.status,
                "category": template.category,
            }
            return json_answer(said)

        return await self._answer(request, account_id, accept)

    async def delete(self, request: web.Request) -> web.StreamResponse:
        """`DELETE ?name=…` every language of a name, or `&hsm_id=…` one."""
        self._tokens.check(request)
        account_id, name = request.match_info["account"], request.query.get("name", "")
        hsm_id = request.query.get("hsm_id", "")
        found = [
            one
            for one in self._store.of(account_id, name)
            if hsm_id in ("", one.template_id) and (name or hsm_id)
        ]
        if not found:
            raise GraphError(100, "(#100) No message template found with this name")

        async def accept(_: bool) -> web.Response:
            for one in found:
                self._store.delete(one.template_id)
            return json_answer({"success": True})

        return await self._answer(request, account_id, accept)

    async def edit(self, request: web.Request) -> web.StreamResponse:
        """`POST /{template_id}`: new components or category; it is reviewed again."""
        template = self._store.find(request.match_info["node"])
        if template is None:
            raise no_such_object(request.match_info["node"])
        fields = json_object(await request.read())
        if template.status not in EDITABLE:
            raise GraphError(100, "Only approved, rejected or paused templates can be edited")
        category = str(fields.get("category", template.category)).upper()
        components = fields.get("components", template.components)
        check_components(components, category)

        async def accept(_: bool) -> web.Response:
            template.components, template.category = components, category
            template.status = "PENDING"
            self._review(template)
            return json_answer({"success": True})

        return await self._answer(request, template.template_id, accept)

    async def change(self, template: Template, fields: Json) -> Json:
        """Meta decides: `{status, reason, quality, category}`; the webhooks follow."""
        status, quality = fields.get("status"), fields.get("quality")
        if status is not None and status not in STATES:
            raise ValueError(f"status must be one of {', '.join(STATES)}")
        if quality is not None and quality not in QUALITIES:
            raise ValueError(f"quality must be one of {', '.join(QUALITIES)}")
        if status is not None:
            template.status = status
            template.rejected_reason = str(fields.get("reason", "NONE"))
            await self._notices.template_status(template, status, template.rejected_reason)
        if quality is not None:
            before, template.quality = template.quality, quality
            await self._notices.template_quality(template, before)
        if "category" in fields:
            before, template.category = template.category, str(fields["category"])
            await self._notices.template_category(template, before)
        return template.as_json()

    async def close(self) -> None:
        """Stop the reviews that are under way."""
        for task in list(self._reviews):
            task.cancel()
        await asyncio.gather(*self._reviews, return_exceptions=True)

    def _review(self, template: Template) -> None:
        if self._settings.template_review == "wait":
            return
        task = asyncio.create_task(self._decide(template))
        self._reviews.add(task)
        task.add_done_callback(self._reviews.discard)

    async def _decide(self, template: Template) -> None:
        await asyncio.sleep(self._settings.template_review_seconds)
        if self._settings.template_review == "reject":
            await self.change(template, {"status": "REJECTED", "reason": "INVALID_FORMAT"})
        else:
            await self.change(template, {"status": "APPROVED"})

    async def _answer(self, request: web.Request, node: str, accept: Any) -> web.StreamResponse:
        fault = self._faults.take(node, "", "templates")
        return await answer_with_fault(request, fault, accept)
