"""How far a visitor has read: their widget says a place, and every send up to it is read."""

from __future__ import annotations

from collections.abc import Sequence

from channel_ingress.contact_book import ContactBook
from channel_ingress.items import Person, ReadUpTo
from channel_ingress.said import status_changed
from channel_ingress.store import Channel
from contracts.v1.sending import SendMessage
from outbox import Outbox
from postgres import Queries, Transaction


class ReadMarks:
    """Web chat has no provider's ids: its sends are known by their place in the conversation."""

    def __init__(self, outbox: Outbox, contacts: ContactBook) -> None:
        self._outbox, self._contacts = outbox, contacts
        self._queries = Queries("channel_ingress", "queries_inbound.sql")

    async def settle(self, tx: Transaction, marks: Sequence[tuple[ReadUpTo, Channel]]) -> None:
        """Each send becomes read once, and is said once; an older mark changes nothing."""
        people = [(channel, Person(mark.contact_external_id)) for mark, channel in marks]
        known = await self._contacts.resolve(tx, people)
        for (mark, channel), person in zip(marks, known, strict=True):
            rows = await tx.fetch(
                self._queries["mark_seen"], person.conversation_id, channel.channel_id, mark.seq
            )
            commands = [SendMessage.hear(row["command"].encode()) for row in rows]
            await self._outbox.say(
                tx,
                *(
                    status_changed(
                        command,
                        "read",
                        provider_code=None,
                        detail="",
                        at=mark.at,
                        price=None,
                        is_rise=True,
                    )
                    for command in sorted(commands, key=lambda command: command.seq)
                ),
            )
