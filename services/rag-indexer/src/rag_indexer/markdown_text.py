"""Markdown: the text as written, marked with the heading path that holds at each place."""

import re

from rag_indexer.dates import date_in
from rag_indexer.file_source import FileSource
from rag_indexer.parsed import Mark, ParsedDocument, Progress, language_tag
from rag_indexer.plain_text import read_text
from rag_indexer.visible_text import words

HEADING_MAX_CHARACTERS = 120
_ATX = re.compile(r" {0,3}(#{1,6})[ \t]+(.*?)[ \t]*#*[ \t]*$")
_SETEXT = re.compile(r" {0,3}(=+|-+)[ \t]*$")
_FENCE = re.compile(r" {0,3}(```+|~~~+)")
_FRONT_MATTER = re.compile(r"---[ \t]*\n(.{0,20000}?)\n(?:---|\.\.\.)[ \t]*(?:\n|$)", re.DOTALL)
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_INLINE = re.compile(r"!?\[([^\]]*)\]\([^)]*\)|[*_`]{1,3}|<[^>]{1,80}>|\\(?=[\W_])")


def parse_markdown(source: FileSource, progress: Progress) -> ParsedDocument:
    """A Markdown file; its front matter or its first heading of level 1 gives its title."""
    raw, encoding, guessed, removed = read_text(source.content)
    said, raw = _front_matter(raw)
    shown = _COMMENT.sub("", raw)
    marks, first_heading = heading_marks(shown)
    progress(source.size, source.size)
    language = said.get("lang") or said.get("language") or ""
    return ParsedDocument(
        file_type="md",
        text=shown,
        marks=marks,
        title=words(said.get("title")) or first_heading,
        author=words(said.get("author")),
        dated_at=date_in(said.get("updated") or said.get("lastmod") or said.get("date")),
        language=language_tag(language),
        encoding=encoding,
        encoding_guessed=guessed,
        invisible_removed=removed + len(raw) - len(shown),
    )


def _front_matter(text: str) -> tuple[dict[str, str], str]:
    """The simple entries between the `---` lines at the beginning, and the text after them."""
    found = _FRONT_MATTER.match(text)
    if found is None:
        return {}, text
    entries = (line.partition(":") for line in found[1].split("\n") if line[:1].isalpha())
    said = {
        key.strip().lower(): value.strip().strip("'\"") for key, colon, value in entries if colon
    }
    return (said, text[found.end() :]) if said else ({}, text)


def heading_marks(text: str) -> tuple[tuple[Mark, ...], str | None]:
    """One mark a heading (offset of its line), and the title; code fences hide headings."""
    marks = [Mark(0, None, ())]
    path: list[tuple[int, str]] = []
    title: str | None = None
    for start, level, heading in _headings(text):
        path = [step for step in path if step[0] < level]
        path.append((level, heading))
        if title is None and level == 1:
            title = heading
        mark = Mark(start, None, tuple(name for _, name in path))
        if start == 0:
            marks = [mark]
        else:
            marks.append(mark)
    return tuple(marks), title


def _headings(text: str) -> list[tuple[int, int, str]]:
    found: list[tuple[int, int, str]] = []
    fence = ""
    offset = 0
    before, before_start = "", 0
    for line in text.split("\n"):
        fenced = _FENCE.match(line)
        if fenced and (not fence or fenced[1].startswith(fence)):
            fence = "" if fence else fenced[1]
        elif not fence:
            level, start, words = _heading_of(line, offset, before, before_start)
            if level and words:
                found.append((start, level, words))
        before, before_start = ("" if fence else line), offset
        offset += len(line) + 1
    return found


def _heading_of(line: str, offset: int, before: str, before_start: int) -> tuple[int, int, str]:
    atx = _ATX.match(line)
    if atx:
        return len(atx[1]), offset, plain_words(atx[2])
    setext = _SETEXT.match(line)
    if setext and before.strip() and before.lstrip()[0] not in "#>-*+|=" and len(setext[1]) > 1:
        return (1 if setext[1][0] == "=" else 2), before_start, plain_words(before)
    return 0, 0, ""


def plain_words(heading: str) -> str:
    """A heading without its markup, cut to a length that fits beside a passage."""
    bare = _INLINE.sub(lambda found: found[1] or "", heading)
    return " ".join(bare.split())[:HEADING_MAX_CHARACTERS]
