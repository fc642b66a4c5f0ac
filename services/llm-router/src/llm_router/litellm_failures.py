"""What litellm's exceptions mean in our words, told by class and status without importing it."""

from __future__ import annotations

from llm_router.domain import ModelFailed, failure_of_status
from llm_router.gathering import retry_after_seconds

_CODES = {
    "Timeout": "timeout",
    "APITimeoutError": "timeout",
    "RateLimitError": "rate_limited",
    "AuthenticationError": "not_authorised",
    "PermissionDeniedError": "not_authorised",
    "NotFoundError": "unknown_model",
    "ContextWindowExceededError": "context_too_long",
    "ContentPolicyViolationError": "bad_request",
    "BadRequestError": "bad_request",
    "UnsupportedParamsError": "bad_request",
    "UnprocessableEntityError": "bad_request",
    "JSONDecodeError": "bad_response",
    "MidStreamFallbackError": "truncated",
}
_UNREADABLE = (
    "Unterminated",
    "can't decode",
    "Unable to get json",
    "Expecting value",
    "not JSON",
    "Got unexpected response",
    "must be a mapping",
)
_NAMED = {"rate_limit_error": "rate_limited", "overloaded_error": "overloaded"}
_CONNECTION = ("disconnected", "Connection error", "Cannot connect", "Connection refused")


def failure_from(error: Exception) -> ModelFailed:
    """The failure that an exception of litellm or of one of its clients means."""
    inner = _inner(error)
    if inner is not None:
        return inner
    text = str(error).split("Traceback", maxsplit=1)[0]
    detail = f"{type(error).__name__}: {text}"
    code = _code(type(error).__name__, text)
    if code == "bad_request":
        return failure_of_status(400, detail, None)
    if code is not None:
        return ModelFailed(code, detail, _retry_after(error))
    if type(error).__name__ == "APIConnectionError" or any(mark in text for mark in _CONNECTION):
        return ModelFailed("unreachable", detail)
    status = getattr(error, "status_code", None)
    if isinstance(status, int):
        return failure_of_status(status, detail, _retry_after(error))
    return ModelFailed("bad_response", detail)


def _code(kind: str, text: str) -> str | None:
    code = _CODES.get(kind)
    if code == "truncated" and ("Timeout" in text or "timed out" in text):
        return "timeout"
    if any(mark in text for mark in _UNREADABLE):
        return "bad_response"
    if code == "bad_request" and "Provider NOT provided" in text:
        return "unknown_model"
    return code or next((meant for name, meant in _NAMED.items() if name in text), None)


def _inner(error: BaseException) -> ModelFailed | None:
    """Our own failure, which litellm wraps when the builtin model raised it."""
    seen: BaseException | None = error
    for _ in range(8):
        if seen is None:
            return None
        if isinstance(seen, ModelFailed):
            return seen
        seen = getattr(seen, "original_exception", None) or seen.__cause__ or seen.__context__
    return None


def _retry_after(error: Exception) -> float | None:
    sources = (
        getattr(error, "litellm_response_headers", None),
        getattr(error, "headers", None),
        getattr(getattr(error, "response", None), "headers", None),
    )
    for headers in sources:
        value = headers.get("retry-after") if headers is not None else None
        if value:
            return retry_after_seconds(str(value))
    return None
