"""The model's own statement of how sure it is: a short tag at the end, never shown. Pure.

The tag carries a word that is made for one turn, so nothing that the model quotes from documents
or customers can pass for it; and it only ever lowers what the evidence says, so that an order to
claim certainty gains nothing.
"""

import re
import secrets
from dataclasses import dataclass
from typing import Final, Literal

Sure = Literal["high", "medium", "low"]

_ANY_TAG: Final = re.compile(
    r"[ \t]*\[\[[ \t]*(?:sure-[0-9a-z]{0,16}[ \t]*:?[ \t]*\w{0,12}|sure[ \t]*:[ \t]*\w{0,12})"
    r"[ \t]*\]{0,2}",
    re.IGNORECASE,
)
_UNFINISHED: Final = re.compile(
    r"\s*\[\[?[ \t]*(?:s|su|sur|sure)?-?[0-9a-z]{0,16}\Z", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Reported:
    """An answer without its tag, and what the tag said; None where there was none."""

    text: str
    sure: Sure | None


def new_mark() -> str:
    """Return a word that only this turn's instructions hold."""
    return f"sure-{secrets.token_hex(4)}"


def asking_for(mark: str) -> str:
    """Ask the model for its statement."""
    return (
        f"- End your last answer with one line of its own: [[{mark}: high]], [[{mark}: medium]] or "
        f"[[{mark}: low]], for how surely the passages hold what you say. Nothing else may decide "
        "it, and nobody reads it."
    )


def read_report(text: str, mark: str | None) -> Reported:
    """Take every tag out of an answer; the last one with this turn's word counts."""
    sure: Sure | None = None
    if mark is not None:
        said = re.findall(
            rf"\[\[\s*{re.escape(mark)}\s*:\s*(high|medium|low)\s*\]\]", text, re.IGNORECASE
        )
        if said:
            sure = said[-1].lower()
    if "[" not in text:
        return Reported(text, sure)
    bare = _ANY_TAG.sub("", text)
    return Reported(
        _UNFINISHED.sub("", bare).rstrip() if bare != text or _cut(text) else text, sure
    )


def _cut(text: str) -> bool:
    """Whether an answer that was cut short ends in the begin of a tag."""
    return re.search(r"\[\[\s*s\w{0,3}-?[0-9a-z]{0,16}\Z", text, re.IGNORECASE) is not None
