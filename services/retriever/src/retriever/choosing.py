"""Which of the read passages are given, and the rule that left each other one out. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from contracts.v1.knowledge import CutRule
from retriever.duplicates import NearDuplicates
from retriever.expansion import ANSWER_BYTES_MAX, parent_of, size_bytes
from retriever.index_types import StoredPassage


@dataclass(frozen=True)
class ChoiceRule:
    """What may be given."""

    limit: int
    near_duplicates_stay: bool = False
    parents_once: bool = True


@dataclass(frozen=True)
class Choice:
    """What is given, best first, and by which rule each other key was left out."""

    given: tuple[StoredPassage, ...]
    cut: Mapping[int, CutRule]


def choose(passages: Sequence[StoredPassage], rule: ChoiceRule) -> Choice:
    """The first passages that say something new, as many as were asked for and fit."""
    given: list[StoredPassage] = []
    cut: dict[int, CutRule] = {}
    seen, parents = NearDuplicates(), set[tuple[int, int, int]]()
    room = ANSWER_BYTES_MAX
    for passage in passages:
        parent = _parent(passage) if rule.parents_once else None
        size = size_bytes(passage.text)
        if len(given) == rule.limit or size > room:
            cut[passage.key] = "beyond_limit"
        elif parent is not None and parent in parents:
            cut[passage.key] = "same_parent"
        elif not rule.near_duplicates_stay and seen.repeats(passage.text):
            cut[passage.key] = "near_duplicate"
        else:
            given.append(passage)
            room -= size
            if parent is not None:
                parents.add(parent)
    return Choice(tuple(given), cut)


def _parent(passage: StoredPassage) -> tuple[int, int, int] | None:
    span = parent_of(passage)
    return None if span is None else (passage.version_id, *span)
