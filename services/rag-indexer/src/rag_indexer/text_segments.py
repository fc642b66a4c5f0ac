"""Pieces of a long text that a tokenizer takes one at a time, to bound its memory. Pure."""

from collections.abc import Iterator

SEGMENT_CHARACTERS = 20_000


def segments(text: str) -> Iterator[tuple[int, str]]:
    """Where each piece begins, and the piece; it ends before white space where there is any."""
    begin = 0
    while begin < len(text):
        end = begin + SEGMENT_CHARACTERS
        if end < len(text):
            space = max(text.rfind(" ", begin, end), text.rfind("\n", begin, end))
            end = space if space > begin else end
        yield begin, text[begin:end]
        begin = end
