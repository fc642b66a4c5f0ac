"""Every error of the edge as RFC 9457 problem+json."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

import orjson
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from observe import current_trace_id

MEDIA_TYPE: Final = "application/problem+json"

_CODES: Final = {
    400: "bad_request",
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    406: "not_acceptable",
    408: "request_timeout",
    409: "conflict",
    413: "too_large",
    415: "unsupported_media_type",
    422: "invalid",
    429: "rate_limited",
    500: "internal_error",
    502: "upstream_failed",
    503: "unavailable",
    504: "upstream_timeout",
}
_SENTENCES: Final = {
    404: "There is nothing here under this address.",
    405: "This address does not answer this method.",
    500: "Something failed on our side. The trace id finds it in our logs.",
}

# Of the protocol of resumable uploads.
_PHRASES: Final = {460: "Checksum Mismatch"}


class Problem(HTTPException):
    """An answer that says what is wrong: `code` for programs, `detail` for people."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        headers: Mapping[str, str] | None = None,
        errors: Sequence[Mapping[str, str]] = (),
        figures: Mapping[str, int] | None = None,
    ) -> None:
        super().__init__(status_code=status, detail=detail, headers=headers)
        self.code = code
        self.errors = errors
        self.figures = figures
        # Of the span in which it went wrong; that may have ended when it is answered.
        self.trace_id = current_trace_id()


def not_found() -> Problem:
    """The same answer for what is not there and for what is somebody else's."""
    return Problem(404, "not_found", _SENTENCES[404])


def unauthorized() -> Problem:
    """One answer for every way in which a key can be wrong."""
    return Problem(
        401,
        "unauthorized",
        "A valid API key is needed: Authorization: Bearer <key>.",
        headers={"WWW-Authenticate": "Bearer"},
    )


def unavailable(detail: str = "A part that this needs is away. Try again.") -> Problem:
    """Something we depend on is away; trying again soon is right."""
    return Problem(503, "unavailable", detail, headers={"Retry-After": "1"})


def body_of(problem: Problem) -> bytes:
    """The JSON of a problem."""
    body: dict[str, Any] = {
        "type": f"urn:chat:problem:{problem.code}",
        "title": _PHRASES.get(problem.status_code) or HTTPStatus(problem.status_code).phrase,
        "status": problem.status_code,
        "code": problem.code,
        "detail": problem.detail,
        "trace_id": problem.trace_id or current_trace_id(),
    }
    if problem.errors:
        body["errors"] = list(problem.errors)
    if problem.figures:
        body["figures"] = dict(problem.figures)
    return orjson.dumps(body)


def answer(problem: Problem) -> Response:
    """The problem as a response."""
    return Response(
        body_of(problem),
        status_code=problem.status_code,
        headers=dict(problem.headers or {}),
        media_type=MEDIA_TYPE,
    )


def of_http_error(error: HTTPException) -> Problem:
    """Give an error of the framework (404, 405, …) our shape."""
    if isinstance(error, Problem):
        return error
    code = _CODES.get(error.status_code, "error")
    detail = _SENTENCES.get(error.status_code, str(error.detail))
    return Problem(error.status_code, code, detail, headers=error.headers)


def _sentence(item: Mapping[str, Any]) -> str:
    """What a rule says; a rule of our own without the framework's "Value error" before it."""
    own = item.get("ctx", {}).get("error")
    return str(own if isinstance(own, ValueError) else item["msg"])


def of_validation(error: RequestValidationError) -> Problem:
    """Name the fields that are wrong, without echoing what was sent."""
    errors = [
        {"field": ".".join(str(part) for part in item["loc"]), "detail": _sentence(item)}
        for item in error.errors()[:50]
    ]
    names = ", ".join(sorted({item["field"] for item in errors})[:5])
    return Problem(422, "invalid", f"These fields are not right: {names}.", errors=errors)


async def http_error(_request: Request, error: Exception) -> Response:
    """Exception handler of everything that already has a status."""
    if isinstance(error, HTTPException):
        return answer(of_http_error(error))
    raise error


async def validation_error(_request: Request, error: Exception) -> Response:
    """Exception handler of bodies and parameters that do not fit."""
    if isinstance(error, RequestValidationError):
        return answer(of_validation(error))
    raise error


async def unexpected_error(_request: Request, _error: Exception) -> Response:
    """Exception handler of the rest: no internal detail leaves."""
    return answer(Problem(500, "internal_error", _SENTENCES[500]))
