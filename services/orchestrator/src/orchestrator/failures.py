"""How a try at a turn may fail, and what follows from it."""

from typing import Any, Final

from bus import AskFailed

MODEL_ATTEMPTS_MAX: Final = 3
"""Tries after which the customer gets the polite text."""

TRANSPORT_ATTEMPTS_MAX: Final = 8
"""The same while nobody could be asked at all: a broker's restart takes up to 30 s."""

_TRANSPORT: Final = frozenset({"broker_away", "no_responder"})
_HOPELESS: Final = frozenset({"invalid_request", "content_filter", "request_too_large"})
_MODEL_DELAYS_SECONDS: Final = (1.0, 4.0)
_TRANSPORT_DELAY_MAX_SECONDS: Final = 15.0

DEFAULT_FAILURE_REPLY: Final = (
    "Sorry, I cannot answer at the moment. Please try again in a few minutes."
)
"""Said where a tenant has no text of its own: a customer is never left without any."""


class TurnFailure(Exception):
    """No answer came of this try; `code` is stable, `detail` a sentence for a person."""

    def __init__(
        self,
        code: str,
        detail: str,
        *,
        retry: bool = True,
        transport: bool = False,
        evidence: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail[:512]
        self.retry = retry
        self.transport = transport
        self.evidence = {} if evidence is None else evidence

    def final(self, attempt: int) -> bool:
        """Whether no further try follows after this one, counted from 1."""
        attempts_max = TRANSPORT_ATTEMPTS_MAX if self.transport else MODEL_ATTEMPTS_MAX
        return not self.retry or attempt >= attempts_max

    def delay_seconds(self, attempt: int) -> float:
        """How long to wait before the next try."""
        if self.transport:
            return min(2.0 ** (attempt - 1), _TRANSPORT_DELAY_MAX_SECONDS)
        return _MODEL_DELAYS_SECONDS[min(attempt, len(_MODEL_DELAYS_SECONDS)) - 1]


def failure_of(error: Exception, evidence: dict[str, Any]) -> TurnFailure:
    """Judge an error of asking (or of building what is asked)."""
    if isinstance(error, AskFailed):
        return TurnFailure(
            error.code,
            error.detail,
            retry=error.code not in _HOPELESS,
            transport=error.code in _TRANSPORT,
            evidence=evidence,
        )
    detail = f"{type(error).__name__}: {error}"
    return TurnFailure("internal_error", detail, evidence=evidence)


def crashed_too_often() -> TurnFailure:
    """Tries that ended with their process, again and again."""
    return TurnFailure("turn_crashed", "Every try at this turn ended unexpectedly.", retry=False)
