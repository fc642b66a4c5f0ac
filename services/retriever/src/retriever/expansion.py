"""What a found passage is read with: its parent, or its neighbours. Pure.

The words are joined from sibling passages by their offsets in the document; what two of them share
is said once.
"""

from collections.abc import Sequence
from typing import Literal

from retriever.index_types import Around, Sibling, StoredPassage

CONTEXT_CHARACTERS_MAX = 16_384
ANSWER_BYTES_MAX = 160_000
"""All texts and contexts of one answer together: a message holds 262,144 bytes, with its record."""

_OVERLAP_LONGEST = 2_000
_PARAGRAPH_BREAK = 2

Expansion = Literal["none", "neighbours", "parent"]


def around(passage: StoredPassage, expansion: Expansion) -> Around | None:
    """Which siblings are wanted; a passage without a parent is read alone."""
    if expansion == "neighbours":
        first = max(0, passage.ordinal - 1)
        return Around(passage.key, passage.version_id, first, passage.ordinal + 1, "ordinal")
    if expansion == "parent":
        span = parent_of(passage)
        if span is not None:
            return Around(passage.key, passage.version_id, *span, "offset")
    return None


def parent_of(passage: StoredPassage) -> tuple[int, int] | None:
    """The offsets of the passage's parent, where it has one that is longer than itself."""
    start, end = passage.parent_start, passage.parent_end
    if start is None or end is None:
        return None
    return (start, end) if end - start > passage.end_offset - passage.start_offset else None


def context_of(
    passage: StoredPassage,
    siblings: Sequence[Sibling],
    expansion: Expansion,
    characters_max: int = CONTEXT_CHARACTERS_MAX,
) -> str | None:
    """The words to read instead of the passage's own; None when they would be no more.

    Where the whole is too long, siblings farthest from the passage are left out first.
    """
    span = parent_of(passage) if expansion == "parent" else None
    beside = siblings if span is None else [_inside(one, span) for one in siblings]
    room = min(characters_max, CONTEXT_CHARACTERS_MAX)
    text = joined(_within(passage, beside, room))
    return text if len(passage.text) < len(text) <= room else None


def _inside(one: Sibling, span: tuple[int, int]) -> Sibling:
    """The part of a sibling that belongs to the parent; whole where its words are not exact."""
    if len(one.text) != one.end_offset - one.start_offset:
        return one
    start, end = max(one.start_offset, span[0]), min(one.end_offset, span[1])
    if end <= start:
        return Sibling(one.ordinal, one.start_offset, one.start_offset, "")
    text = one.text[start - one.start_offset : end - one.start_offset]
    return Sibling(one.ordinal, start, end, text)


def _within(
    passage: StoredPassage, siblings: Sequence[Sibling], characters_max: int
) -> list[Sibling]:
    """The nearest siblings that fit, in order and without a hole between them."""
    beside = {one.ordinal: one for one in siblings if one.text}
    own = Sibling(passage.ordinal, passage.start_offset, passage.end_offset, passage.text)
    kept = {passage.ordinal: own}
    room = characters_max - len(passage.text)
    reach = {-1: True, 1: True}
    for distance in range(1, len(siblings) + 1):
        for side in (-1, 1):
            one = beside.get(passage.ordinal + side * distance)
            reach[side] = reach[side] and one is not None and len(one.text) + 2 <= room
            if reach[side] and one is not None:
                kept[one.ordinal] = one
                room -= len(one.text) + 2
    return [kept[ordinal] for ordinal in sorted(kept)]


def joined(siblings: Sequence[Sibling]) -> str:
    """Their words in order, each shared part once."""
    text, end = "", None
    for one in sorted(siblings, key=lambda sibling: (sibling.start_offset, sibling.ordinal)):
        if end is None:
            text = one.text
        elif one.end_offset <= end:
            continue
        elif one.start_offset < end:
            text += _beyond(text, one, end - one.start_offset)
        else:
            text += "\n" * min(one.start_offset - end, _PARAGRAPH_BREAK) + one.text
        end = one.end_offset
    return text


def _beyond(before: str, one: Sibling, overlap: int) -> str:
    """The part of a passage that was not said yet.

    Where a passage's words are not the document's own, character for character (a table's repeated
    head), the shared part is looked for.
    """
    if len(one.text) == one.end_offset - one.start_offset and before.endswith(one.text[:overlap]):
        return one.text[overlap:]
    for length in range(min(len(before), len(one.text), _OVERLAP_LONGEST), 0, -1):
        if before.endswith(one.text[:length]):
            return one.text[length:]
    return "\n" + one.text


def size_bytes(text: str | None) -> int:
    """What a text costs in a message: UTF-8, with JSON's escapes."""
    if not text:
        return 0
    escaped = sum(text.count(mark) for mark in '"\\\n\r\t')
    return len(text.encode()) + escaped
