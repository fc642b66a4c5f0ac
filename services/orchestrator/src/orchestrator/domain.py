"""What happens next in a conversation: pure decisions, no input or output.

A conversation *stands* somewhere: a status, an owner and the owner's fencing number. Whatever
happens to it is a function from one standing to the next; the number rises with each change of
owner, and whatever was begun under a lower number is never said.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, Literal
from uuid import UUID, uuid5

from contracts.v1.knowledge import SearchTuning
from contracts.v1.shapes import (
    ChannelType,
    ConversationOwner,
    ConversationStatus,
    DeliveryState,
    MessageContent,
    Role,
)

TRANSITIONS: Final[dict[ConversationStatus, frozenset[ConversationStatus]]] = {
    "active": frozenset({"waiting", "assigned_human", "snoozed", "resolved", "closed"}),
    "waiting": frozenset({"active", "assigned_human", "snoozed", "resolved", "closed"}),
    "assigned_human": frozenset({"active", "waiting", "snoozed", "resolved", "closed"}),
    "snoozed": frozenset({"active", "waiting", "assigned_human", "resolved", "closed"}),
    "resolved": frozenset({"active", "assigned_human", "closed"}),
    "closed": frozenset({"active", "assigned_human"}),
}
"""From which status a conversation may go to which others; staying is always allowed."""

_ENDED: Final[frozenset[ConversationStatus]] = frozenset({"resolved", "closed"})

_DELIVERY_RANKS: Final[dict[DeliveryState, int]] = {
    "none": 0,
    "planned": 1,
    "attempting": 2,
    "unknown": 3,
    "accepted": 4,
    "failed": 5,  # counts only while the message is not known to be delivered
    "delivered": 6,
    "read": 7,
}


class TransitionRefused(Exception):
    """The wished status or owner does not follow from where the conversation stands."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Who answers a conversation, and whether it is going on."""

    status: ConversationStatus
    owner_kind: ConversationOwner
    assignee: str | None
    ownership_number: int

    @property
    def bot_answers(self) -> bool:
        """Whether the bot may speak."""
        return self.owner_kind == "bot"

    def owned_by(
        self, owner_kind: ConversationOwner, status: ConversationStatus, assignee: str | None
    ) -> "Standing":
        """Return the standing under an owner; a change of owner raises the fencing number."""
        number = self.ownership_number + (owner_kind != self.owner_kind)
        return Standing(status, owner_kind, assignee, number)


FIRST_STANDING: Final = Standing("active", "bot", None, 1)


@dataclass(frozen=True, slots=True)
class StoredMessage:
    """A message of a conversation as the bot remembers it."""

    seq: int
    role: Role
    text: str
    content: MessageContent | None


@dataclass(frozen=True, slots=True)
class Trial:
    """What is different for a turn that tries something."""

    spent_for: Literal["trial", "replay", "shadow"] | None
    """What the ledger notes; None for a canary, which answers customers like any turn."""
    tools: Literal["real", "recorded", "none"] = "real"
    """Whether the tenant's own tools are really called."""
    model: str | None = None
    """`provider/name` instead of the tenant's route."""
    tuning: SearchTuning | None = None
    """How to search, instead of the tenant's way."""


@dataclass(frozen=True, slots=True)
class Leased:
    """A conversation under this worker's lease: everything a turn needs to know."""

    tenant_id: UUID
    conversation_id: UUID
    channel_id: UUID
    channel_type: ChannelType
    contact_external_id: str
    ownership_number: int
    lease_epoch: int
    attempt: int
    first_seq: int
    last_seq: int
    tenant_revision: int
    leased_at: datetime
    leased_monotonic: float
    turn_id: UUID
    messages: Sequence[StoredMessage]
    newest_provider_message_id: str | None = None
    """The provider's id of the customer's newest message."""
    own_revision: int = 0
    """Of tools, curated answers and experiments: what is remembered under a lower one is old."""
    trial: Trial | None = None
    """Set where nothing of the turn reaches a customer, or where a canary's settings answer."""
    superseded: int = 0
    """Runs of this turn that were thrown away, because the customer wrote more meanwhile."""
    begun_before_seconds: float = 0.0
    """How long before this lease the first of them began."""

    @property
    def unanswered(self) -> list[StoredMessage]:
        """What the customer said and nobody answered, oldest first."""
        return [
            message
            for message in self.messages
            if message.role == "customer" and message.seq >= self.first_seq
        ]

    @property
    def history(self) -> list[StoredMessage]:
        """What was said before, oldest first; words in between count as said before."""
        return [
            message
            for message in self.messages
            if message.role != "customer" or message.seq < self.first_seq
        ]


@dataclass(frozen=True, slots=True)
class CustomerWish:
    """What follows from a customer's message."""

    standing: Standing
    handoff_keyword: str | None
    answer_wanted: bool
    quiet: bool = False
    """Whether it changes nothing about what waits for an answer."""


def hear_customer(standing: Standing, handoff_keyword: str | None, *, served: bool) -> CustomerWish:
    """Decide on a customer's message; `served` is whether tenant and channel are active.

    An ended conversation begins anew with the bot; a sleeping one wakes under its owner. A keyword
    brings a person, unless a person is there already.
    """
    if standing.status in _ENDED:
        standing = standing.owned_by("bot", "active", None)
    elif standing.status in ("waiting", "snoozed"):
        standing = wakes(replace(standing, status="snoozed"))
    if not standing.bot_answers or not served:
        return CustomerWish(standing, None, answer_wanted=False)
    if handoff_keyword is not None:
        taken = standing.owned_by("human", "assigned_human", None)
        return CustomerWish(taken, handoff_keyword, answer_wanted=False)
    return CustomerWish(standing, None, answer_wanted=True)


def bot_decides(standing: Standing, *, handoff: bool, ends: bool) -> Standing:
    """What follows from an answer: a person takes over, or the matter is resolved."""
    if handoff:
        return standing.owned_by("human", "assigned_human", None)
    may_end = ends and "resolved" in TRANSITIONS[standing.status]
    return replace(standing, status="resolved") if may_end else standing


def person_speaks(standing: Standing, author: str) -> Standing:
    """A person said something and thereby owns the conversation."""
    assignee = standing.assignee if standing.owner_kind == "human" else None
    return standing.owned_by("human", "assigned_human", assignee or author)


def somebody_else_speaks(standing: Standing) -> Standing:
    """The business spoke by the phone app, the page's inbox or another app: a person is there."""
    assignee = standing.assignee if standing.owner_kind == "human" else None
    return standing.owned_by("human", "assigned_human", assignee)


def thread_held_by(
    standing: Standing, holder: Literal["us", "page_inbox", "other_app"]
) -> Standing:
    """Who may speak in Messenger's thread: another app silences the bot until it gives it back.

    What a person here took stays theirs.
    """
    if holder != "us":
        return somebody_else_speaks(standing)
    if standing.owner_kind == "human" and standing.assignee is None:
        return standing.owned_by("bot", "active", None)
    return standing


def change_standing(
    standing: Standing,
    *,
    status: ConversationStatus | None,
    owner_kind: ConversationOwner | None,
    assignee: str | None,
    unassign: bool = False,
) -> Standing:
    """Apply what the API wishes, null keeps; raises `TransitionRefused` with a sentence.

    Owner and status go together: a person's conversation is `assigned_human` (or waits, sleeps,
    is over), never `active`; so `active` alone hands it back to the bot, `assigned_human` or an
    assignee alone gives it to a person. Unassigned, it stays with people, whoever takes it.
    """
    if unassign and assignee is not None:
        raise TransitionRefused("Nobody can be assigned and taken away at once.")
    owner = owner_kind or _owner_implied(standing, status, assignee)
    wished = status or _status_implied(standing, owner)
    if wished != standing.status and wished not in TRANSITIONS[standing.status]:
        raise TransitionRefused(f"A {standing.status} conversation cannot become {wished}.")
    if (wished == "assigned_human" and owner != "human") or (
        wished == "active" and owner == "human"
    ):
        raise TransitionRefused(f"A conversation owned by {owner} cannot be {wished}.")
    if assignee is not None and owner != "human":
        raise TransitionRefused(f"A conversation owned by {owner} has no assignee.")
    kept = standing.assignee if owner == "human" and not unassign else None
    after = standing.owned_by(owner, wished, assignee or kept)
    if after.bot_answers and wished in _ENDED and standing.status not in _ENDED:
        # Whoever ends a conversation while the bot writes does not want to read it any more.
        return replace(after, ownership_number=standing.ownership_number + 1)
    return after


def wakes(standing: Standing) -> Standing:
    """A sleeping conversation goes on under its owner; one that was woken already stays."""
    if standing.status != "snoozed":
        return standing
    woken: ConversationStatus = "assigned_human" if standing.owner_kind == "human" else "active"
    return replace(standing, status=woken)


def _owner_implied(
    standing: Standing, status: ConversationStatus | None, assignee: str | None
) -> ConversationOwner:
    if status == "assigned_human" or (assignee is not None and status is None):
        return "human"
    if status == "active" and standing.owner_kind == "human":
        return "bot"
    return standing.owner_kind


def _status_implied(standing: Standing, owner: ConversationOwner) -> ConversationStatus:
    if owner == standing.owner_kind:
        return standing.status
    return "assigned_human" if owner == "human" else "active"


def delivery_after(current: DeliveryState, news: DeliveryState) -> DeliveryState:
    """Return the further of two states; news never takes a message back."""
    return news if _DELIVERY_RANKS[news] > _DELIVERY_RANKS[current] else current


def states_before(news: DeliveryState) -> list[DeliveryState]:
    """Return the states that this news takes further."""
    return [state for state in _DELIVERY_RANKS if delivery_after(state, news) != state]


def contact_identity(channel_id: UUID, external_id: str) -> UUID:
    """Identity of a customer on a channel."""
    return uuid5(channel_id, f"contact:{external_id}")


def inbound_identity(conversation_id: UUID, provider_message_id: str) -> UUID:
    """Identity of a customer's message: the same however often it is heard."""
    return uuid5(conversation_id, f"inbound:{provider_message_id}")


def posted_identity(conversation_id: UUID, idempotency_key: str) -> UUID:
    """Identity of a person's message: the same however often it is posted."""
    return uuid5(conversation_id, f"posted:{idempotency_key}")


def note_identity(conversation_id: UUID, idempotency_key: str) -> UUID:
    """Identity of a note: the same however often it is written."""
    return uuid5(conversation_id, f"note:{idempotency_key}")


def turn_identity(conversation_id: UUID, first_seq: int) -> UUID:
    """Identity of the turn that begins with the message at this place."""
    return uuid5(conversation_id, str(first_seq))


def reply_identity(turn_id: UUID) -> UUID:
    """Identity of the message that a turn says: there is at most one."""
    return uuid5(turn_id, "reply")


def send_identity(origin_id: UUID, part: int = 0) -> UUID:
    """Identity of a send: uuid5 of the turn (or the message, where no turn wrote it) and part."""
    return uuid5(origin_id, str(part))
