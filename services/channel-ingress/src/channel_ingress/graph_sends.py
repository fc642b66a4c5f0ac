"""Send requests of the Graph channels: a rendered message with its recipient and our reference."""

from __future__ import annotations

import re

from channel_ingress.reading import Json, identifier

_USER_ID = re.compile(r"[A-Z]{2}\.")
"""A business-scoped user id such as `US.1349…`, which is not addressed by `to`."""


class WhatsAppSends:
    """WhatsApp Cloud API: `POST /{phone_number_id}/messages`."""

    def request(
        self,
        sender: str,
        recipient: str,
        message: Json,
        reference: str,
        *,
        message_tag: str | None = None,
    ) -> tuple[str, Json]:
        """Path (below the Graph version) and body of one send; WhatsApp has no tags."""
        del message_tag
        body: Json = {
            "messaging_product": "whatsapp",
            "recipient_type": "individual",
            ("recipient" if _USER_ID.match(recipient) else "to"): recipient,
            **message,
            "biz_opaque_callback_data": reference,
        }
        return f"{sender}/messages", body

    def accepted_id(self, answer: Json, body: Json) -> str:
        """The message id in the answer to a send; raises when there is none."""
        del body
        return identifier(answer["messages"][0]["id"])


class MessengerSends:
    """Messenger and Instagram: `POST /{page}/messages`."""

    def request(
        self,
        sender: str,
        recipient: str,
        message: Json,
        reference: str,
        *,
        message_tag: str | None = None,
    ) -> tuple[str, Json]:
        """Path (below the Graph version) and body of one send."""
        if "sender_action" in message:
            return f"{sender}/messages", {"recipient": {"id": recipient}, **message}
        body: Json = {
            "recipient": {"id": recipient},
            "messaging_type": "MESSAGE_TAG" if message_tag else "RESPONSE",
            "message": {**message, "metadata": reference},
        }
        if message_tag:
            body["tag"] = message_tag
        return f"{sender}/messages", body

    def accepted_id(self, answer: Json, body: Json) -> str:
        """The message id in the answer to a send; raises when there is none.

        A reaction has no id of its own: what it says about which message stands for it.
        """
        action = body.get("sender_action")
        if action is None:
            return identifier(answer["message_id"])
        about = body["payload"]
        identifier(answer["recipient_id"])
        return f"{action}:{about['message_id']}:{about.get('reaction', '')}"[:512]
