"""The passages that one turn may cite, numbered in the order in which the model saw them."""

from collections.abc import Iterable
from typing import Final

from contracts.v1.knowledge import FoundPassage
from contracts.v1.models import GivenPassage
from orchestrator.delimited import delimited

PASSAGES_MAX: Final = 20
GIVEN_BYTES_MAX: Final = 60_000


class PassageBook:
    """Gives each passage its [n] once, and goes on counting over later searches."""

    def __init__(self) -> None:
        self.by_number: dict[int, FoundPassage] = {}
        self._numbers: dict[object, int] = {}

    def __len__(self) -> int:
        return len(self.by_number)

    def add(self, passages: Iterable[FoundPassage]) -> list[tuple[int, FoundPassage]]:
        """Number them; known ones keep their number, those beyond the limit are left out."""
        numbered = []
        for passage in passages:
            number = self._numbers.get(passage.passage_id)
            if number is None:
                if len(self.by_number) >= PASSAGES_MAX:
                    continue
                number = len(self.by_number) + 1
                self._numbers[passage.passage_id] = number
                self.by_number[number] = passage
            numbered.append((number, passage))
        return numbered

    def keep_first(self, count: int) -> None:
        """Forget all but the first `count`: the others did not fit into the prompt."""
        for number in range(count + 1, len(self.by_number) + 1):
            del self._numbers[self.by_number.pop(number).passage_id]

    def given(self) -> list[GivenPassage]:
        """Return them as llm-router takes them; words beyond the limit of all are left out."""
        given, room = [], GIVEN_BYTES_MAX
        for number, passage in self.by_number.items():
            words = words_of(passage).encode()[:room]
            room -= len(words)
            text = words.decode(errors="ignore")
            given.append(GivenPassage(number=number, title=passage.title, text=text))
        return given


def words_of(passage: FoundPassage) -> str:
    """Return what is read: the passage with what stands around it, where the search gave that."""
    return passage.context or passage.text


def render_passage(number: int, passage: FoundPassage) -> str:
    """Write a passage as marked data; its own words cannot end the mark."""
    told: dict[str, object] = {"number": number, "title": passage.title}
    if passage.page is not None:
        told["page"] = passage.page
    if passage.heading:
        told["heading"] = passage.heading
    if passage.source_url:
        told["source"] = passage.source_url
    return delimited("passage", words_of(passage), **told)
