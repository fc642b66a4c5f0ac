"""Which tokenizer stands for which embedding model; none of them asks the network."""

from array import array
from functools import cache
from typing import Protocol

from rag_indexer.byte_pairs import BytePairs
from rag_indexer.word_pieces import WordPieces

_WORD_PIECE_MODELS = frozenset({"builtin/minilm"})


class Tokens(Protocol):
    """Counts and places the tokens of a text."""

    def count(self, text: str) -> int:
        """Tokens of a text."""
        ...

    def starts(self, text: str) -> "array[int]":
        """The character at which each token begins, rising."""
        ...


def tokens_of(model: str) -> Tokens:
    """MiniLM's own word pieces for the built-in model; for any other cl100k_base.

    That is exact for OpenAI's embedding models and an estimate for the rest. Each is loaded once,
    when it is first needed.
    """
    return _word_pieces() if model in _WORD_PIECE_MODELS else _byte_pairs()


@cache
def _word_pieces() -> WordPieces:
    return WordPieces()


@cache
def _byte_pairs() -> BytePairs:
    return BytePairs()
