"""Which sentences of an answer stand on what was given, and what stays of it. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from orchestrator.sentences import Sentence, sentences_of
from orchestrator.support import Source, Support, support_of
from orchestrator.talk import admits

_MARKED: Final = "\\*"
_NAMED_MAX: Final = 40
_WORDS_SHOWN: Final = 300


@dataclass(frozen=True, slots=True)
class Judged:
    """A sentence and, if it claims something, how far it is supported."""

    sentence: Sentence
    support: Support | None

    @property
    def unsupported(self) -> bool:
        """Whether nothing that was given says it."""
        return self.support is not None and self.support.verdict in ("unsupported", "contradicted")


@dataclass(frozen=True, slots=True)
class Grounding:
    """An answer judged sentence by sentence."""

    text: str
    judged: tuple[Judged, ...]

    @property
    def claims(self) -> list[Judged]:
        """The sentences that claim something."""
        return [one for one in self.judged if one.support is not None]

    @property
    def undecided(self) -> list[Judged]:
        """Claims that words do not decide."""
        return [one for one in self.claims if one.support and one.support.verdict == "undecided"]

    @property
    def arguable(self) -> list[Judged]:
        """Claims that words do not decide, or decide only by having none in common."""
        return [one for one in self.claims if one.support and one.support.nearest]

    @property
    def share(self) -> float | None:
        """Supported share of the claims, an undecided one counts half; None without claims."""
        claims = self.claims
        if not claims:
            return None
        worth = {"supported": 1.0, "undecided": 0.5}
        total = sum(worth.get(one.support.verdict, 0.0) for one in claims if one.support)
        return total / len(claims)

    @property
    def admits(self) -> bool:
        """Whether the answer says that it found nothing, and claims nothing."""
        supported = any(one.support and one.support.verdict == "supported" for one in self.claims)
        return not supported and any(
            one.sentence.kind == "talk" and admits(one.sentence.words) for one in self.judged
        )

    def refusing_uncited(self) -> "Grounding":
        """Return it as the strict judge it: undecided and citing nothing is not supported."""
        return self.decided(
            {
                one.sentence.start: replace(one.support, verdict="unsupported")
                for one in self.undecided
                if one.support and not one.sentence.cites
            }
        )

    def decided(self, verdicts: Mapping[int, Support]) -> "Grounding":
        """Return it with what a comparison of meaning said, by the sentence's start."""
        judged = (
            replace(one, support=verdicts.get(one.sentence.start, one.support))
            for one in self.judged
        )
        return Grounding(self.text, tuple(judged))

    def evidence(self) -> dict[str, Any]:
        """Return what is stored with the turn."""
        share = self.share
        return {
            "share": None if share is None else round(share, 3),
            "claims": len(self.claims),
            "sentences": [_shown(one) for one in self.judged[:_NAMED_MAX]],
        }


def judge(text: str, sources: Sequence[Source], language: str) -> Grounding:
    """Judge every sentence of an answer against all that was given to the model."""
    judged = []
    for sentence in sentences_of(text):
        claims = sentence.kind in ("claim", "code")
        support = support_of(sentence.words, sentence.cites, sources, language) if claims else None
        judged.append(Judged(sentence, support))
    return Grounding(text, tuple(judged))


def without_unsupported(grounding: Grounding) -> str:
    """Return the answer without the sentences that nothing supports.

    Headings that have nothing under them any more go as well.
    """
    dropped = {one.sentence.start for one in grounding.judged if one.unsupported}
    if not dropped:
        return grounding.text
    kept = [one.sentence for one in grounding.judged if one.sentence.start not in dropped]
    kept = [
        sentence
        for place, sentence in enumerate(kept)
        if sentence.kind != "heading" or _heads(kept[place + 1 :], sentence, grounding)
    ]
    return _joined(grounding.text, kept)


def with_marks(grounding: Grounding) -> str:
    """Return the answer with a mark behind each sentence that nothing supports."""
    parts: list[str] = []
    at = 0
    for one in grounding.judged:
        if one.unsupported and one.sentence.kind != "code":
            end = one.sentence.start + len(
                grounding.text[one.sentence.start : one.sentence.end].rstrip()
            )
            parts += [grounding.text[at:end], _MARKED]
            at = end
    return "".join([*parts, grounding.text[at:]])


def _heads(after: Sequence[Sentence], heading: Sentence, grounding: Grounding) -> bool:
    """Whether something that stood under the heading is still there."""
    next_heading = next(
        (
            one.sentence.start
            for one in grounding.judged
            if one.sentence.start > heading.start and one.sentence.kind == "heading"
        ),
        len(grounding.text) + 1,
    )
    return any(one.start < next_heading and one.kind != "heading" for one in after)


def _joined(text: str, kept: Sequence[Sentence]) -> str:
    """Put pieces together as they stood; a gap leaves one space, or one line's end."""
    parts: list[str] = []
    before: Sentence | None = None
    for sentence in kept:
        piece = text[sentence.start : sentence.end]
        if before is not None and sentence.start != before.end:
            newline = "\n" in text[before.end : sentence.start] or parts[-1].endswith("\n")
            piece = piece.lstrip()
            if not parts[-1].endswith("\n"):
                parts.append("\n" if newline else " ")
        parts.append(piece)
        before = sentence
    return "".join(parts).strip()


def _shown(one: Judged) -> dict[str, Any]:
    shown: dict[str, Any] = {"kind": one.sentence.kind, "words": one.sentence.words[:_WORDS_SHOWN]}
    if one.sentence.cites:
        shown["cites"] = list(one.sentence.cites)
    if one.support is not None:
        shown["verdict"] = one.support.verdict
        shown["coverage"] = round(one.support.coverage, 3)
        if one.support.by:
            shown["by"] = list(one.support.by)
        if one.support.absent:
            shown["absent"] = list(one.support.absent)[:10]
        wrong = [n for n in one.sentence.cites if f"[{n}]" not in one.support.by]
        if wrong and one.support.verdict == "supported":
            shown["miscited"] = wrong
    return shown
