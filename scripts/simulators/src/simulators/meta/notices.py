"""Says account-level webhooks: what happened to templates, numbers, accounts and preferences."""

from __future__ import annotations

from typing import Any

from simulators.meta import whatsapp_notices
from simulators.meta.template_store import Template
from simulators.meta.timeline import Timeline
from simulators.meta.webhook_sender import Delivery, WebhookSender

Json = dict[str, Any]


class Notices:
    """Posts changes without a phone number to the WhatsApp webhook; silent without a URL."""

    def __init__(self, sender: WebhookSender | None, timeline: Timeline) -> None:
        self._sender, self._timeline = sender, timeline

    async def say(self, account_id: str, field: str, value: Json) -> list[Delivery]:
        """Post one change of one account."""
        self._timeline.add("notice", field=field, account_id=account_id, value=value)
        if self._sender is None:
            return []
        return await self._sender.send(whatsapp_notices.body_of(account_id, field, value))

    async def template_status(self, template: Template, event: str, reason: str = "NONE") -> None:
        """A template is approved, rejected, paused, disabled …"""
        field, value = whatsapp_notices.template_status(
            template_id=template.template_id,
            name=template.name,
            language=template.language,
            event=event,
            reason=reason,
        )
        await self.say(template.account_id, field, value)

    async def template_quality(self, template: Template, before: str) -> None:
        """A template's quality changed."""
        field, value = whatsapp_notices.template_quality(
            template_id=template.template_id,
            name=template.name,
            language=template.language,
            previous=before,
            current=template.quality,
        )
        await self.say(template.account_id, field, value)

    async def template_category(self, template: Template, before: str) -> None:
        """Meta put a template into another category."""
        field, value = whatsapp_notices.template_category(
            template_id=template.template_id,
            name=template.name,
            language=template.language,
            previous=before,
            current=template.category,
        )
        await self.say(template.account_id, field, value)
