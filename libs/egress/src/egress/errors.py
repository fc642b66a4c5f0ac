"""Why something was not sent, or not read."""

from typing import Literal

FetchCode = Literal[
    "invalid_url",
    "blocked_address",
    "unresolvable",
    "connection_failed",
    "tls_error",
    "timeout",
    "too_large",
    "too_many_redirects",
    "wrong_content_type",
    "unreadable_encoding",
]


class BlockedAddress(OSError):
    """The address is not on the public internet; nothing was sent."""

    def __init__(self) -> None:
        super().__init__("the address is not public")


class InvalidUrl(ValueError):
    """The URL may not be called; the text says why, for a person."""


class FetchFailed(Exception):
    """There is no answer to read; never says which address a name led to."""

    def __init__(self, code: FetchCode, detail: str) -> None:
        super().__init__(detail)
        self.code: FetchCode = code
