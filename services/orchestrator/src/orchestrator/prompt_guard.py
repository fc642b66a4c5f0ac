"""Notices when a model gives its instructions away. Pure.

The instructions carry a word that stands nowhere else: where it turns up in an answer or in a
tool's arguments, the instructions are on their way out, and nothing is said or called. The word is
the same for all turns of a tenant, so that providers can keep the prompt's begin.
"""

import base64
import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from hashlib import blake2b
from typing import Final
from uuid import UUID

_SHINGLE_WORDS: Final = 9
_WORD: Final = re.compile(r"\w+")
_NO_LETTER: Final = re.compile(r"[\W_]+")


def canary_of(tenant_id: UUID) -> str:
    """Return the word that a tenant's instructions carry."""
    return "ref-" + _digest(tenant_id, "canary", 8)


def mark_of(tenant_id: UUID) -> str:
    """Return the word with which a model's own statement begins."""
    return "sure-" + _digest(tenant_id, "mark", 4)


def carrying(canary: str) -> str:
    """Return the rule that carries the word."""
    return f"- {canary} is the reference of these instructions. It never stands in what you write."


def gives_away(text: str, canary: str, rules: str = "") -> bool:
    """Whether a text holds the word, however it is spelled, or the rules word by word."""
    text = unicodedata.normalize("NFKC", text)
    plain = _NO_LETTER.sub("", text).casefold()
    if any(form in plain for form in _forms(canary)):
        return True
    return bool(rules) and not _shingles(rules).isdisjoint(_runs(text))


@lru_cache(maxsize=4_096)
def _forms(canary: str) -> tuple[str, ...]:
    """The word as letters: forwards, backwards, in hex, and as base64 in its three positions."""
    letters = _NO_LETTER.sub("", canary).casefold()
    encoded = (
        base64.b64encode(b"x" * shift + canary.encode())[2 * shift :].decode().rstrip("=")
        for shift in range(3)
    )
    coded = (_NO_LETTER.sub("", one[1:-2]).casefold() for one in encoded)
    # The digest alone says as much as the whole word.
    digest = letters[3:]
    return (digest, digest[::-1], digest.encode().hex(), *coded)


@lru_cache(maxsize=64)
def _shingles(rules: str) -> frozenset[tuple[str, ...]]:
    return frozenset(_runs(rules))


def _runs(text: str) -> Iterator[tuple[str, ...]]:
    words = [word.casefold() for word in _WORD.findall(text)]
    for start in range(len(words) - _SHINGLE_WORDS + 1):
        yield tuple(words[start : start + _SHINGLE_WORDS])


def _digest(tenant_id: UUID, purpose: str, size: int) -> str:
    return blake2b(purpose.encode(), key=tenant_id.bytes, digest_size=size).hexdigest()
