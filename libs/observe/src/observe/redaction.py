"""Keeps secrets and personal data out of everything that is logged."""

import re
from collections.abc import Mapping
from typing import Final

REDACTED: Final = "[redacted]"
_LONGEST_STRING: Final = 2_000
_DEEPEST: Final = 6

_FORBIDDEN_WORDS: Final = frozenset(
    {
        "authorization",
        "cookie",
        "token",
        "secret",
        "secrets",
        "password",
        "passwd",
        "pepper",
        "signature",
        "credential",
        "credentials",
        "jwt",
        "apikey",
        "phone",
        "email",
        "msisdn",
        "psid",
        "wamid",
        "contact",
        "visitor",
    }
)
_FORBIDDEN_KEYS: Final = frozenset(
    {
        "text",
        "body",
        "content",
        "raw",
        "payload",
        "data",
        "message_text",
        "prompt",
        "completion",
        "answer",
        "question",
        "quote",
        "query_text",
        "display_name",
        "profile_name",
        "first_name",
        "last_name",
        "full_name",
        "customer_name",
        "customer_id",
        "external_id",
        "dsn",
        "api_key",
        "admin_key",
        "key_pepper",
        "master_keys",
        "private_key",
        "headers",
        "url_query",
        "args",
        "params",
    }
)
_ALLOWED_KEYS: Final = frozenset(
    {
        "contact_count",
        "token_count",
        "visitor_count",
    }
)
_WORD_BREAK: Final = re.compile(r"[^a-z0-9]+")
_CAMEL_BREAK: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")

_SECRET_PATTERNS: Final = (
    (re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{6,}"), r"\1 " + REDACTED),
    (re.compile(r"\b(whsec_|whsk_|mcp_live_|sk-|sk_|EAA)[A-Za-z0-9+/=_-]{8,}"), r"\1" + REDACTED),
    (re.compile(r"\bv1\.[A-Za-z0-9_-]{1,32}\.[A-Za-z0-9_=-]{38,}"), REDACTED),
    (re.compile(r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*"), REDACTED),
    (
        re.compile(
            r"(?i)\b([a-z0-9_]*(?:token|secret|password|api_key|hub\.challenge)=)[^&\s'\"]+"
        ),
        r"\1" + REDACTED,
    ),
    (re.compile(r"(\b[a-z][a-z0-9+]*://[^\s/:@]*):[^\s/@]+@"), r"\1:" + REDACTED + "@"),
    (re.compile(r"(?<![\w.+:-])\+\d[\d ()-]{7,16}\d\b"), REDACTED),
    (re.compile(r"[\w.+-]+@[\w-]+\.[A-Za-z][\w.]*"), REDACTED),
)
_PATTERN_HINT: Final = re.compile(r"[@=+]|earer|asic|whs|mcp_|sk[-_]|EAA|v1\.|eyJ")


def redact(value: object, *, depth: int = 0) -> object:
    """Copy the value without secrets and personal data, bounded in length and depth."""
    if isinstance(value, str):
        return redact_text(value)
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, bytes | bytearray | memoryview):
        return f"[{len(value)} bytes]"
    return "[too deep]" if depth >= _DEEPEST else _redact_nested(value, depth)


def _redact_nested(value: object, depth: int) -> object:
    if isinstance(value, Mapping):
        return {
            str(key): REDACTED if is_forbidden_key(str(key)) else redact(item, depth=depth + 1)
            for key, item in value.items()
        }
    if isinstance(value, list | tuple | set | frozenset):
        return [redact(item, depth=depth + 1) for item in value]
    return redact_text(str(value))


def redact_text(text: str) -> str:
    """Return the text without what looks like a credential, phone number or mail address."""
    if _PATTERN_HINT.search(text):
        for pattern, replacement in _SECRET_PATTERNS:
            text = pattern.sub(replacement, text)
    if len(text) > _LONGEST_STRING:
        return text[:_LONGEST_STRING] + f"… [{len(text) - _LONGEST_STRING} more]"
    return text


def is_forbidden_key(key: str) -> bool:
    """Whether values under this key are never logged."""
    known = _VERDICTS.get(key)
    if known is None:
        known = _judge(key)
        if len(_VERDICTS) < _MOST_VERDICTS:
            _VERDICTS[key] = known
    return known


_MOST_VERDICTS: Final = 4_096
_VERDICTS: Final[dict[str, bool]] = {}


def _judge(key: str) -> bool:
    words = _WORD_BREAK.split(_CAMEL_BREAK.sub("_", key).lower())
    plain = "_".join(word for word in words if word)
    if plain in _ALLOWED_KEYS:
        return False
    return plain in _FORBIDDEN_KEYS or not _FORBIDDEN_WORDS.isdisjoint(words)
