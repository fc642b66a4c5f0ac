"""Only what a reader of the document would see: invisible instruction characters go."""

import re
import unicodedata

_INVISIBLE = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u3164\uffa0\ufeff\ufffe\uffff"
    "\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufff0-\ufffb"
    "\U000e0000-\U000e0fff"
)
_CONTROLS = "\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f"
_STRIPPED = re.compile(f"[{_INVISIBLE}{_CONTROLS}]")
_ASCII_CONTROLS = re.compile("[\x00-\x08\x0e-\x1f\x7f]")
_JOINER = re.compile("[\u200c\u200d]")
_LINE_END = re.compile("[\x0b\x0c\x85\u2028\u2029]")
_WIDE_GAP = re.compile(r"[ \t\u00a0\u2000-\u200a\u3000]{5,}")
_SURROGATE = re.compile("[\ud800-\udfff]")
_BLANK_LINES = re.compile(r"\n[ \t]*\n(?:[ \t]*\n)+")
_FIRST_JOINING_LETTER = 0x0590


def visible(text: str) -> tuple[str, int]:
    """The text with one kind of line end and nothing invisible, and how much was removed.

    Plain searches come first: most pages need few of the replacements, and those are slow.
    """
    removed = 0
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    if text.isascii():
        lines = lines.replace("\x0b", "\n").replace("\x0c", "\n")
        shown, removed = _ASCII_CONTROLS.subn("", lines) if not lines.isprintable() else (lines, 0)
        gaps = "     " in shown or "\t" in shown
    else:
        whole, replaced = _SURROGATE.subn("\ufffd", _LINE_END.sub("\n", lines))
        shown, removed = _STRIPPED.subn("", whole)
        shown, joiners = _without_idle_joiners(shown)
        removed += joiners + replaced
        gaps = True
    if gaps:
        shown = _WIDE_GAP.sub("    ", shown)
    return _BLANK_LINES.sub("\n\n", shown), removed


def words(value: str | None, longest: int = 300) -> str | None:
    """A title or a name on one line, cut to its length in characters; None when nothing is left."""
    return " ".join(visible(value or "")[0].split())[:longest] or None


def _without_idle_joiners(text: str) -> tuple[str, int]:
    """Zero-width joiners stay where a script or an emoji needs them, and nowhere else."""
    if not _JOINER.search(text):
        return text, 0
    kept: list[str] = []
    removed = 0
    before = ""
    for character in text:
        if character in "\u200c\u200d" and not _joins(before):
            removed += 1
            continue
        kept.append(character)
        before = character
    return "".join(kept), removed


def _joins(before: str) -> bool:
    if not before or ord(before) < _FIRST_JOINING_LETTER:
        return False
    return unicodedata.category(before)[0] in "LMS"
