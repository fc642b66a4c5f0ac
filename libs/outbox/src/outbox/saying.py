"""Keeping messages in the transaction that is their reason."""

import json
from collections.abc import Sequence

from bus import Outgoing
from outbox.relay import GRACE_SECONDS, Kept, Relay
from postgres import Queries, Transaction


class Saying:
    """Writes outbox rows, and has them published right after the commit."""

    def __init__(self, queries: Queries, relay: Relay) -> None:
        self._queries = queries
        self._relay = relay

    async def keep(
        self, tx: Transaction, messages: Sequence[Outgoing], *, delay_seconds: float = 0.0
    ) -> None:
        """Keep them; they are said when `tx` is committed, or `delay_seconds` later."""
        if not messages:
            return
        rows = await tx.fetch(
            self._queries["say"],
            [message.message_id for message in messages],
            [message.exchange for message in messages],
            [message.routing_key for message in messages],
            [message.address for message in messages],
            [message.body for message in messages],
            [json.dumps(dict(message.headers)) for message in messages],
            [delay_seconds or GRACE_SECONDS] * len(messages),
        )
        if delay_seconds:
            return
        kept = [Kept(row["id"], message) for row, message in zip(rows, messages, strict=True)]
        tx.after_commit.append(lambda: self._relay.publish_soon(kept))
