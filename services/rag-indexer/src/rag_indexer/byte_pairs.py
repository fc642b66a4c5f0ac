"""Counts and places tokens as OpenAI's embedding models see them: tiktoken's cl100k, offline."""

from array import array
from base64 import b64decode
from collections.abc import Iterable
from gzip import decompress
from importlib.resources import files
from itertools import accumulate
from operator import add

from tiktoken import Encoding

from rag_indexer.text_segments import segments

_SPLIT = (
    r"""'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+"""
    r"""|\s++$|\s*[\r\n]|\s+(?!\S)|\s"""
)
"""How cl100k_base cuts a text into the words that it then splits into byte pairs."""

_BEGINS_A_CHARACTER = bytes(byte & 0xC0 != 0x80 for byte in range(256))


class BytePairs:
    """cl100k_base built from the copy of its vocabulary in this package; nothing is fetched."""

    def __init__(self) -> None:
        ranks = vocabulary()
        self._encoding = Encoding(
            "cl100k_base", pat_str=_SPLIT, mergeable_ranks=ranks, special_tokens={}
        )
        words = sorted(ranks, key=ranks.__getitem__)
        self._lengths = [len(word) for word in words]
        self._leads = [_lead(word) for word in words]

    def count(self, text: str) -> int:
        """Tokens of a text."""
        return sum(len(self._encoding.encode_ordinary(segment)) for _, segment in segments(text))

    def starts(self, text: str) -> "array[int]":
        """The character at which each token begins, rising; its leading blanks are passed over.

        A character of several tokens is the start of each of them.
        """
        found = array("L")
        for begin, segment in segments(text):
            tokens = self._encoding.encode_ordinary(segment)
            ends = accumulate(map(self._lengths.__getitem__, tokens), initial=0)
            places: Iterable[int] = map(add, ends, map(self._leads.__getitem__, tokens))
            if not segment.isascii():
                places = _characters(segment, places)
            found.extend([begin + place for place in places] if begin else places)
        return found


def vocabulary() -> dict[bytes, int]:
    """Each token's bytes and its rank, which is also its number."""
    packed = files("rag_indexer").joinpath("tokenizer/cl100k_base.tiktoken.gz").read_bytes()
    lines = (line.split() for line in decompress(packed).splitlines())
    return {b64decode(word): int(rank) for word, rank in lines}


def _lead(word: bytes) -> int:
    bare = word.lstrip(b" \t")
    return len(word) - len(bare) if bare.strip() else 0


def _characters(segment: str, places: Iterable[int]) -> list[int]:
    """Places in the UTF-8 bytes as places in the characters they belong to."""
    flags = segment.encode("utf-8", "surrogatepass").translate(_BEGINS_A_CHARACTER)
    begun = list(accumulate(flags))
    return [begun[place] - 1 for place in places]
