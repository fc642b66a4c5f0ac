"""What visitors say, on its way into the ledger: messages, and marks of what they have read."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import orjson

from gateway.domain import Delivery, widget_delivery_id
from gateway.intake import AWAY, Intake
from gateway.media_store import MediaStore
from gateway.widget.protocol import Said, Unfit
from gateway.widget.tokens import WidgetSession
from observe import get_logger
from postgres import Database

_log = get_logger("visitors")


class VisitorLedger:
    """Keeps each thing once, however often it is sent."""

    def __init__(self, intake: Intake, database: Database, media: MediaStore) -> None:
        self._intake = intake
        self._database = database
        self._media = media

    async def keep_message(self, session: WidgetSession, said: Said) -> str:
        """Commit a message and answer its id; Unfit when that was not possible."""
        try:
            body = {**_head(session, said), **await self._extras(session, said)}
            return await self._keep(session, said.client_message_id, body)
        except Unfit:
            raise
        except AWAY:
            raise Unfit("unavailable", "It could not be kept just now. Send it again.") from None
        except Exception:  # noqa: BLE001 - logged; the widget sends it again
            _log.exception("a widget's message was not kept")
            raise Unfit("internal_error", "It was not kept. Send it again.") from None

    async def keep_read(self, session: WidgetSession, seq: int) -> bool:
        """Commit that everything up to a place was seen; False when that was not possible."""
        body = {"visitor_id": session.visitor_id, "read_seq": seq}
        try:
            await self._keep(session, f"read:{seq}", body)
        except AWAY as error:
            _log.info("a read mark was not kept", reason=type(error).__name__)
            return False
        except Exception:  # noqa: BLE001 - logged; the next mark says as much and more
            _log.exception("a read mark was not kept")
            return False
        return True

    async def _extras(self, session: WidgetSession, said: Said) -> dict[str, Any]:
        found: dict[str, Any] = {}
        if said.reply_to is not None:
            found["reply_to"] = said.reply_to
        if said.choice is not None:
            found["choice"] = said.choice
        if said.media_ids:
            found["media"] = await self._files(session, said.media_ids)
        return found

    async def _files(
        self, session: WidgetSession, media_ids: tuple[UUID, ...]
    ) -> list[dict[str, Any]]:
        wanted = list(dict.fromkeys(media_ids))
        async with self._database.transaction(session.tenant_id) as tx:
            known = await self._media.of_visitor(
                tx, session.tenant_id, session.channel_id, session.visitor_id, wanted
            )
        if len(known) < len(wanted):
            raise Unfit("not_found", "Upload the file again.")
        return [known[media_id].outgoing().model_dump(mode="json") for media_id in wanted]

    async def _keep(self, session: WidgetSession, own_id: str, body: dict[str, Any]) -> str:
        delivery = Delivery(
            delivery_id=widget_delivery_id(session.channel_id, session.visitor_id, own_id),
            tenant_id=session.tenant_id,
            channel_type="webchat",
            channel_id=session.channel_id,
            source="widget",
            received_at=datetime.now(UTC),
            object_kind=None,
            signature="session",
            body=orjson.dumps(body),
            body_sha256=None,
            client_message_id=f"{session.visitor_id}:{own_id}",
        )
        await self._intake.keep(delivery)
        return str(delivery.delivery_id)


def _head(session: WidgetSession, said: Said) -> dict[str, Any]:
    head = {
        "visitor_id": session.visitor_id,
        "client_message_id": said.client_message_id,
        "text": said.text,
    }
    if session.identity is not None:
        head["tenant_external_id"] = session.identity.external_id
        if session.identity.name:
            head["display_name"] = session.identity.name
        if session.identity.email:
            head["email"] = session.identity.email
    return head
