"""What is done about each error code of Meta: a table, not code paths. Facts as of 2026-11."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

ParkScope = Literal["channel", "bots", "account", "app"]
"""What waits: the channel, its bot replies, or the tenant's channels at its account or app."""
Fallback = Literal["template", "text"]
"""What may go out instead of a message that Meta refused."""


@dataclass(frozen=True, slots=True)
class Action:
    """What an error means for the send that met it."""

    code: str
    """Our stable code, as `message-failed` says it."""
    sentence: str
    """For a person."""
    retries: int = 0
    """Tries after the first; 0 = final at once."""
    first_seconds: float = 1.0
    factor: float = 2.0
    longest_seconds: float = 600.0
    park: ParkScope | None = None
    """What is parked; the send waits and is lost only if it becomes stale."""
    park_seconds: float | None = None
    """How long; None: until somebody acts."""
    fallback: Fallback | None = None
    """Once, when no try is left."""
    opts_out: bool = False
    """The person is marked as not wanting marketing messages."""

    def pause_seconds(self, attempt: int) -> float | None:
        """The pause after attempt number `attempt` (from 1); None when no try is left."""
        if attempt > self.retries:
            return None
        return min(self.longest_seconds, self.first_seconds * self.factor ** (attempt - 1))


_TOKEN = Action(
    "token_invalid", "The channel's access token is invalid or has expired.", park="channel"
)
_PERMISSION = Action("needs_permission", "The access token lacks a permission.", park="channel")
_PARAMETER = Action("bad_request", "Meta refused a parameter of the request.")
_POLICY = Action("account_blocked", "Meta has blocked or locked the account.", park="channel")
_NOT_REGISTERED = Action(
    "number_not_registered", "The number is not registered for the Cloud API.", park="channel"
)
_WITHHELD = Action("withheld", "Meta chose not to deliver this message for now.")
_WINDOW = Action(
    "window_closed",
    "More than 24 hours have passed since the customer wrote.",
    fallback="template",
)
_UNDELIVERABLE = Action("undeliverable", "The message cannot be delivered to this person.")
_NOT_NOW = Action("undeliverable", "This person cannot be messaged now.")
_META_TROUBLE = Action("provider_trouble", "Meta had a problem of its own.", retries=10)
_MEDIA = Action("media_failed", "Meta could not take the file.", retries=3, fallback="text")
"""Uploading counts as a try: once more with a fresh upload, then the text behind the file."""
_TEMPLATE = Action("template_refused", "Meta refused the template or its parameters.")


def _limit(scope: ParkScope, sentence: str) -> Action:
    return Action("rate_limited", sentence, park=scope, park_seconds=60.0)


NOT_SENT = Action("unreachable", "Meta could not be reached.", retries=10)
"""The connection was never made, so nothing was sent."""
UNKNOWN_CODE = Action("provider_refused", "Meta refused the message.")
"""A code that is not in the table: final, because nobody knows that it passes."""
NO_TOKEN = Action(
    "token_missing", "The channel has no access token that can be opened.", park="channel"
)
"""Not Meta's answer: we cannot even ask."""

ACTIONS: dict[int, Action] = {
    0: _TOKEN,
    190: _TOKEN,
    3: _PERMISSION,
    10: _PERMISSION,
    **dict.fromkeys(range(200, 300), _PERMISSION),
    4: _limit("app", "The app's call limit is reached."),
    80007: _limit("account", "The account's call limit is reached."),
    613: _limit("channel", "The page's call limit is reached."),
    -429: _limit("channel", "Meta asks for a slower pace."),
    130429: Action(
        "rate_limited", "The number's throughput is exceeded.", retries=10, longest_seconds=60.0
    ),
    131056: Action(
        "pair_rate_limited",
        "Too many messages to this person in a short time.",
        retries=5,
        factor=4.0,
        longest_seconds=1024.0,
    ),
    131048: Action(
        "spam_limited",
        "Meta limits this number because people block it: the bot is quiet for an hour.",
        park="bots",
        park_seconds=3600.0,
    ),
    131047: _WINDOW,
    131026: _UNDELIVERABLE,
    551: _NOT_NOW,
    131049: _WITHHELD,
    130472: _WITHHELD,
    131050: Action("opted_out", "This person has stopped marketing messages.", opts_out=True),
    131051: Action(
        "type_unsupported", "Meta does not support this type of message.", fallback="text"
    ),
    131052: _MEDIA,
    131053: _MEDIA,
    131057: Action(
        "number_upgrading",
        "Meta is upgrading the number.",
        retries=10,
        first_seconds=60.0,
        factor=1.0,
    ),
    131031: _POLICY,
    368: _POLICY,
    130497: _POLICY,
    131045: _NOT_REGISTERED,
    133010: _NOT_REGISTERED,
    100: _PARAMETER,
    131008: _PARAMETER,
    131009: _PARAMETER,
    **dict.fromkeys((132000, 132001, 132005, 132007, 132012, 132015, 132016), _TEMPLATE),
    1: _META_TROUBLE,
    2: _META_TROUBLE,
    1200: _META_TROUBLE,
    131000: _META_TROUBLE,
    131016: _META_TROUBLE,
}
"""Meta's code -> action; negative: an HTTP status without a Graph error."""

SUBCODES: dict[tuple[int, int], Action] = {
    (10, 2018065): _WINDOW,
    (10, 2018278): _WINDOW,
    (10, 1893063): _WINDOW,
    (200, 1545041): _NOT_NOW,
    (100, 2018001): _UNDELIVERABLE,
}
"""Where Messenger's sub-code says something else than its code."""


def action_for(code: int, http_status: int, subcode: int | None = None) -> Action:
    """The action for a JSON error; an unknown code with HTTP 5xx is Meta's own trouble."""
    known = SUBCODES.get((code, subcode or 0)) or ACTIONS.get(code)
    if known is not None:
        return known
    return _META_TROUBLE if http_status >= 500 else UNKNOWN_CODE
