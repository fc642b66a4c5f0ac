"""What is done about each error code of Meta: a table, not code paths. Facts as of 2026-11."""

from __future__ import annotations

from dataclasses import dataclass


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

    def pause_seconds(self, attempt: int) -> float | None:
        """The pause after attempt number `attempt` (from 1); None when no try is left."""
        if attempt > self.retries:
            return None
        return min(self.longest_seconds, self.first_seconds * self.factor ** (attempt - 1))


_TOKEN = Action("token_invalid", "The channel's access token is invalid or has expired.")
_PERMISSION = Action("permission_missing", "The access token lacks a permission.")
_PARAMETER = Action("bad_request", "Meta refused a parameter of the request.")
_POLICY = Action("account_blocked", "Meta has blocked or locked the account.")
_WITHHELD = Action("withheld", "Meta chose not to deliver this message for now.")
_META_TROUBLE = Action("provider_trouble", "Meta had a problem of its own.", retries=10)
_APP_LIMIT = Action(
    "rate_limited", "The app's call limit is reached.", retries=8, first_seconds=60.0, factor=1.0
)
_TEMPLATE = Action("template_refused", "Meta refused the template or its parameters.")

NOT_SENT = Action("unreachable", "Meta could not be reached.", retries=10)
"""The connection was never made, so nothing was sent."""
UNKNOWN_CODE = Action("provider_refused", "Meta refused the message.")
"""A code that is not in the table: final, because nobody knows that it passes."""

ACTIONS: dict[int, Action] = {
    0: _TOKEN,
    190: _TOKEN,
    3: _PERMISSION,
    10: _PERMISSION,
    **dict.fromkeys(range(200, 300), _PERMISSION),
    4: _APP_LIMIT,
    613: _APP_LIMIT,
    80007: _APP_LIMIT,
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
    131048: Action("spam_limited", "Meta limits this number because people block it."),
    131047: Action("window_closed", "More than 24 hours have passed since the customer wrote."),
    131026: Action("undeliverable", "The message cannot be delivered to this person."),
    551: Action("undeliverable", "This person cannot be messaged now."),
    131049: _WITHHELD,
    130472: _WITHHELD,
    131050: Action("opted_out", "This person has stopped marketing messages."),
    131051: Action("type_unsupported", "Meta does not support this type of message."),
    131052: Action("media_failed", "Meta could not fetch the media.", retries=1),
    131053: Action("media_failed", "Meta could not take the media.", retries=1),
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
    100: _PARAMETER,
    131008: _PARAMETER,
    131009: _PARAMETER,
    **dict.fromkeys((132000, 132001, 132005, 132007, 132012, 132015, 132016), _TEMPLATE),
    1: _META_TROUBLE,
    2: _META_TROUBLE,
    131000: _META_TROUBLE,
    131016: _META_TROUBLE,
}
"""Meta's code -> action."""


def action_for(code: int, http_status: int) -> Action:
    """The action for a JSON error; an unknown code with HTTP 5xx is Meta's own trouble."""
    known = ACTIONS.get(code)
    if known is not None:
        return known
    return _META_TROUBLE if http_status >= 500 else UNKNOWN_CODE
