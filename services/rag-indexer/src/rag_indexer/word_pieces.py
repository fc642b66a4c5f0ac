"""Counts and places tokens as the embedding model sees them: MiniLM's word pieces, offline."""

from array import array
from collections.abc import Iterator
from importlib.resources import files

from tokenizers import Tokenizer

_SEGMENT_CHARACTERS = 20_000
_PIECE_MAX_CHARACTERS = 16
_CHARACTERS_IN_A_TOKEN = 4


class WordPieces:
    """The vocabulary of all-MiniLM-L6-v2, without truncation or padding."""

    def __init__(self) -> None:
        vocabulary = files("rag_indexer").joinpath("tokenizer/minilm.json").read_text("utf-8")
        self._tokenizer = Tokenizer.from_str(vocabulary)
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()

    def count(self, text: str) -> int:
        """Tokens of a text, without the model's own two."""
        return len(self.starts(text))

    def starts(self, text: str) -> "array[int]":
        """The character at which each token begins, rising.

        An unknown run of characters (a word without end, a script that is not in the vocabulary)
        comes back as one token of any length; it is counted as a token for every four characters,
        so that no passage grows without bound.
        """
        found = array("L")
        for begin, segment in _segments(text):
            for start, end in self._tokenizer.encode(segment, add_special_tokens=False).offsets:
                found.append(begin + start)
                if end - start > _PIECE_MAX_CHARACTERS:
                    found.extend(
                        range(
                            begin + start + _CHARACTERS_IN_A_TOKEN,
                            begin + end,
                            _CHARACTERS_IN_A_TOKEN,
                        )
                    )
        return found


def _segments(text: str) -> Iterator[tuple[int, str]]:
    """Pieces that end at white space where there is any, to bound the memory of one call."""
    begin = 0
    while begin < len(text):
        end = begin + _SEGMENT_CHARACTERS
        if end < len(text):
            space = max(text.rfind(" ", begin, end), text.rfind("\n", begin, end))
            end = space + 1 if space > begin else end
        yield begin, text[begin:end]
        begin = end
