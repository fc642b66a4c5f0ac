"""Messenger's files: `POST /{page}/message_attachments`, and links that customers' files have."""

from __future__ import annotations

import orjson
from aiohttp import web

from simulators.meta.envelope import GraphError, json_answer
from simulators.meta.faults import Faults
from simulators.meta.graph_calls import answer_with_fault
from simulators.meta.media_store import MediaStore
from simulators.meta.messenger_messages import ATTACHMENT_KINDS
from simulators.meta.tokens import TokenBook
from simulators.meta.uploads import MESSENGER_LIMIT_BYTES, Upload, read_upload


class AttachmentEndpoint:
    """Reusable attachments by id, and the public links in Messenger webhooks."""

    def __init__(self, store: MediaStore, faults: Faults, tokens: TokenBook) -> None:
        self._store, self._faults, self._tokens = store, faults, tokens

    async def upload(self, request: web.Request) -> web.StreamResponse:
        """`{message: {attachment: {type, payload: {url, is_reusable}}}}` or multipart filedata."""
        try:
            self._tokens.check(request)
            form = await read_upload(request)
            kind, link = _attachment_of(form)
        except GraphError as error:
            error.whatsapp = False
            raise
        sender = request.match_info["sender"]

        async def accept(_: bool) -> web.Response:
            return json_answer({"attachment_id": self.keep(form, kind, link, sender)})

        fault = self._faults.take(sender, "", "attachments")
        return await answer_with_fault(request, fault, accept)

    def keep(self, form: Upload, kind: str, link: str, sender: str) -> str:
        """Keep the uploaded file, or the promise to fetch the link; its attachment id."""
        content = form.content if form.content is not None else link.encode()
        content_type = form.content_type if form.content is not None else "text/uri-list"
        media = self._store.add(
            content,
            content_type,
            phone_number_id=sender,
            origin="attachment",
            filename=form.filename or kind,
        )
        return media.media_id

    async def public(self, request: web.Request) -> web.StreamResponse:
        """A customer's file, as its link in a Messenger webhook gives it: no token needed."""
        media = self._store.behind(request.match_info["link"])
        if media is None:
            return web.Response(status=403, text="URL signature expired")

        async def accept(_: bool) -> web.Response:
            return web.Response(body=media.content, headers={"Content-Type": media.content_type})

        fault = self._faults.take(media.media_id, "", "download")
        return await answer_with_fault(request, fault, accept)


def _attachment_of(form: Upload) -> tuple[str, str]:
    """Kind and link of what is uploaded."""
    message = form.json("message")
    attachment = message.get("attachment") if isinstance(message, dict) else None
    if not isinstance(attachment, dict) or attachment.get("type") not in ATTACHMENT_KINDS:
        raise GraphError(100, "(#100) Param message[attachment][type] is not valid.")
    link = str((attachment.get("payload") or {}).get("url", ""))
    if form.content is None and not link.startswith(("http://", "https://")):
        raise GraphError(100, "(#100) An upload needs filedata, or a url in its payload")
    if form.content is not None and len(form.content) > MESSENGER_LIMIT_BYTES:
        raise GraphError(100, "(#100) Attachment size exceeds allowable limit", subcode=2018047)
    return str(attachment["type"]), link


def form_as_body(form: Upload) -> dict[str, object]:
    """A multipart send request as the JSON body it stands for."""
    body: dict[str, object] = {}
    for name, text in form.fields.items():
        try:
            body[name] = orjson.loads(text)
        except orjson.JSONDecodeError:
            body[name] = text
    return body
