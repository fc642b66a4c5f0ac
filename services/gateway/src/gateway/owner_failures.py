"""When the owner of the data refuses, is late or away: what the API's caller is told."""

from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from bus import AskFailed
from gateway.problems import Problem, answer, not_found, unavailable
from observe import get_logger

_STATUS: Final = {
    "timeout": 504,
    "invalid_request": 422,
    "quota_exceeded": 403,
    "not_allowed": 403,
    "address_refused": 422,
    "server_failed": 422,
    "provider_refused": 422,
    "unknown_model": 422,
    "bad_answer": 502,
    "internal_error": 502,
}
_AWAY: Final = frozenset({"no_responder", "broker_away"})
# An unexpected failure carries only its type's name: these say that the owner's database is away.
_DATABASE_AWAY: Final = frozenset(
    {
        "DatabaseAway",
        "InterfaceError",
        "ConnectionDoesNotExistError",
        "ConnectionFailureError",
        "AdminShutdownError",
        "CrashShutdownError",
        "CannotConnectNowError",
        "TooManyConnectionsError",
        "ConnectionRefusedError",
        "ConnectionResetError",
    }
)
_log = get_logger("owners")


def problem_of(error: AskFailed) -> Problem:
    """The problem for a failed question."""
    if error.code == "not_found":
        return not_found()
    if error.code == "internal_error" and error.detail in _DATABASE_AWAY:
        return unavailable("The database of the service that answers this is away. Try again.")
    if error.code in _AWAY:
        return unavailable("The service that answers this is away. Try again.")
    status = _STATUS.get(error.code)
    if status is None:
        status = 422 if error.code.startswith("invalid") else 409
    if status >= 500:
        _log.warning("an owner did not answer", code=error.code, detail=error.detail)
        detail = "The service that answers this did not, in time. Try again."
        code = "upstream_timeout" if status == 504 else "upstream_failed"
        return Problem(status, code, detail)
    return Problem(status, error.code, error.detail)


async def ask_failed(_request: Request, error: Exception) -> Response:
    """Exception handler of refused and unanswered questions."""
    if isinstance(error, AskFailed):
        return answer(problem_of(error))
    raise error


async def database_away(_request: Request, _error: Exception) -> Response:
    """Exception handler for the time without a database."""
    return answer(unavailable("The database is away. Try again."))
