"""Counts and places tokens as the embedding model sees them: MiniLM's word pieces, offline."""

from array import array
from importlib.resources import files

from tokenizers import Tokenizer

from rag_indexer.text_segments import segments

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
        comes back as one token of any length, or as none (ten thousand accents); it is counted as
        a token for every four characters, so that no passage grows without bound.
        """
        found = array("L")
        for begin, segment in segments(text):
            covered = 0
            for start, end in self._tokenizer.encode(segment, add_special_tokens=False).offsets:
                if start - covered > _PIECE_MAX_CHARACTERS:
                    found.extend(_steps(begin + covered, begin + start))
                found.append(begin + start)
                if end - start > _PIECE_MAX_CHARACTERS:
                    found.extend(_steps(begin + start + _CHARACTERS_IN_A_TOKEN, begin + end))
                covered = end
            if len(segment) - covered > _PIECE_MAX_CHARACTERS:
                found.extend(_steps(begin + covered, begin + len(segment)))
        return found


def _steps(begin: int, end: int) -> range:
    return range(begin, end, _CHARACTERS_IN_A_TOKEN)
