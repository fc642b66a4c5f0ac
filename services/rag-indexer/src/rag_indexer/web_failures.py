"""Why a page or a sitemap could not be read, in words that a person can act on. Pure."""

from typing import Final

from egress import FetchFailed
from rag_indexer.parsed import REASONS, Unreadable

SENTENCES: Final = {
    "invalid_url": (
        "The address, or one that it leads to, may not be called: only http and https on their "
        "usual ports, without a user name. Correct the address."
    ),
    "unresolvable": "The name of the site is not known. Check the address for a typing error.",
    "connection_failed": (
        "The site refused the connection or broke it off. Check that it is reachable from the "
        "internet; it is tried again."
    ),
    "tls_error": (
        "The site's certificate cannot be trusted. Have its owner renew it; it is tried again."
    ),
    "blocked_address": (
        "The name leads into a private network, and nothing there is called. "
        "Only pages on the public internet can be read."
    ),
    "timeout": "The site took too long to answer. It is tried again.",
    "too_large": "The page is larger than is allowed. Link to a smaller one, or upload the file.",
    "too_many_redirects": "The address leads from one to the next without end. Correct it.",
    "unsupported_type": (
        "This is not a page whose text can be read. Give the address of a page or a document."
    ),
    "unreadable_encoding": "The site sent the page in a way that cannot be unpacked.",
    "robots_disallowed": (
        "The site's robots.txt does not let us read this page. Ask the site's owner to allow "
        "MetaChatPages, or upload the text."
    ),
    "robots_unreachable": (
        "The site's robots.txt could not be read because the site failed, so nothing of it is "
        "read. It is tried again."
    ),
    "forbidden": (
        "The site does not let us read this page; perhaps it wants a login. "
        "Allow MetaChatPages there, or upload the text."
    ),
    "not_found": "There is no such page any more. Correct the address, or remove it.",
    "rate_limited": "The site asked us to come back later. It is tried again.",
    "server_error": "The site failed while answering. It is tried again.",
    "http_error": "The site gave an answer that is no page. Open the address in a browser.",
    "not_a_sitemap": (
        "This is not a sitemap. Give the address of its sitemap.xml, or add it as a page."
    ),
    "empty_sitemap": (
        "The sitemap lists no page that may be read: look at the paths to include and exclude."
    ),
    "not_taken": (
        "The page was read, but it is not among the documents. Most likely the quota of "
        "documents is used up: delete some, or have the quota raised; it is tried again."
    ),
    "no_text": (
        "The page has no words of its own; perhaps scripts fill it in the browser, or it is a "
        "picture. Give the address of another page, or upload the text."
    ),
    "type_mismatch": (
        "The content is not what the site calls it. Ask the site's owner to correct its type, or "
        "upload the file."
    ),
    "corrupt_document": "What the site sent is damaged or incomplete. It is tried again.",
    "internal_error": (
        "The page could not be processed, and it is not the page's fault. It is tried again; "
        "if that fails too, tell an operator."
    ),
}

OF_THE_SITE: Final = frozenset(
    {
        "unresolvable",
        "connection_failed",
        "tls_error",
        "blocked_address",
        "timeout",
        "robots_unreachable",
        "rate_limited",
        "server_error",
    }
)
"""What the next page of the same site will most likely meet as well."""

MISSING: Final = frozenset({"not_found"})

_STATUSES: Final = {
    401: "forbidden",
    403: "forbidden",
    404: "not_found",
    407: "forbidden",
    410: "not_found",
    429: "rate_limited",
    451: "forbidden",
    503: "server_error",
}


class WebFailure(Exception):
    """A page or a sitemap cannot be read just now; `code` says why, `sentence` tells a person."""

    def __init__(self, code: str, detail: str = "") -> None:
        super().__init__(f"{code}: {detail}" if detail else code)
        self.code = code
        self.detail = detail

    @property
    def sentence(self) -> str:
        """What happened and what to do."""
        said = SENTENCES.get(self.code) or REASONS[self.code]
        return f"{said} ({self.detail})"[:512] if self.detail else said

    @classmethod
    def of_fetch(cls, error: FetchFailed) -> "WebFailure":
        """A fetch without an answer."""
        if error.code == "wrong_content_type":
            return cls("unsupported_type", str(error))
        own_words = {"blocked_address", "unresolvable", "connection_failed", "tls_error"}
        return cls(error.code, "" if error.code in own_words else str(error))

    @classmethod
    def of_status(cls, status: int) -> "WebFailure":
        """An answer that is no page."""
        fallback = "server_error" if status >= 500 else "http_error"
        return cls(_STATUSES.get(status, fallback), f"HTTP {status}")

    @classmethod
    def of_parser(cls, error: Unreadable) -> "WebFailure":
        """Bytes that no loader can read; that it took too long is not the site's doing."""
        return cls("too_complex" if error.code == "timeout" else error.code)
