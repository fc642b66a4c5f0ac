"""How edits, revokes and reactions add up, pure: the same in every order, however often heard."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID, uuid5

from contracts.v1.shapes import MessageChanges, Reaction

REACTIONS_MAX = 32
"""A group may hold more; the newest are shown."""
EMOJI_LIMIT = 64
WORDS_LIMIT = 65_536

NO_CHANGES = MessageChanges(edited_text=None, edited_at=None, revoked_at=None, reactions=[])


@dataclass(frozen=True, slots=True)
class KeptChange:
    """One thing that became of a message."""

    what: Literal["reaction", "edit", "revoke"]
    said_by: Literal["customer", "business"]
    person: str
    """Stable key of the customer; empty where nobody is named."""
    at: datetime
    words: str
    """The new text of an edit, or the emoji; empty takes a reaction back."""

    @property
    def digest(self) -> bytes:
        """What tells it from every other change of its message."""
        parts = (self.what, self.said_by, self.person, self.at.isoformat(), self.words)
        return hashlib.sha256("\0".join(parts).encode()).digest()


def fold(changes: Iterable[KeptChange]) -> MessageChanges:
    """What they add up to.

    The newest edit stands; a revoke is final, so no words outlive it; of each side's reactions the
    newest stands, and taking back is a reaction like any other. Equal times: the greater words.
    """
    kept = list(changes)
    revokes = [change.at for change in kept if change.what == "revoke"]
    edits = [change for change in kept if change.what == "edit"] if not revokes else []
    edit = max(edits, key=_newest, default=None)
    return MessageChanges(
        edited_text=edit.words if edit else None,
        edited_at=edit.at if edit else None,
        revoked_at=min(revokes, default=None),
        reactions=_standing(change for change in kept if change.what == "reaction"),
    )


def change_identity(channel_id: UUID, provider_message_id: str, revision: int) -> UUID:
    """The message that says a state: the same however often it is computed."""
    return uuid5(channel_id, f"changed:{revision}:{provider_message_id}")


def _standing(reactions: Iterable[KeptChange]) -> list[Reaction]:
    newest: dict[tuple[str, str], KeptChange] = {}
    for reaction in reactions:
        key = (reaction.said_by, reaction.person if reaction.said_by == "customer" else "")
        if key not in newest or _newest(reaction) > _newest(newest[key]):
            newest[key] = reaction
    standing = sorted((r for r in newest.values() if r.words), key=_place, reverse=True)
    return [Reaction(by=r.said_by, emoji=r.words, at=r.at) for r in standing[:REACTIONS_MAX]]


def _newest(change: KeptChange) -> tuple[datetime, str]:
    return change.at, change.words


def _place(reaction: KeptChange) -> tuple[datetime, str, str, str]:
    return reaction.at, reaction.said_by, reaction.person, reaction.words
