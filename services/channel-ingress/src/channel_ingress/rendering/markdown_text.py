"""Markdown becomes text in the channel's own markup; the parser is markdown-it-py."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from markdown_it import MarkdownIt
from markdown_it.rules_inline import StateInline
from markdown_it.tree import SyntaxTreeNode

from channel_ingress.rendering.inline_runs import URL, Letter, letters, marked_up

_NEW_LINE = Letter("\n")
_RULE = "———"
_BULLET = "• "

_SCHEMES = ("https", "http")


def _bare_address(state: StateInline, silent: bool) -> bool:
    """Inline rule: an address in running text stays as it is, whatever markers are in it."""
    if not state.src.startswith("://", state.pos):
        return False
    scheme = next((one for one in _SCHEMES if state.pending.lower().endswith(one)), None)
    start = state.pos - len(scheme or "")
    found = URL.match(state.src, start, state.posMax) if scheme else None
    if scheme is None or found is None:
        return False
    if not silent:
        state.pending = state.pending[: -len(scheme)]
        state.push("bare_address", "", 0).content = found.group()
    state.pos = found.end()
    return True


def _parser() -> MarkdownIt:
    """CommonMark with tables; the rules by which words would vanish are off.

    Reference definitions are not shown, indented lines and underlines rarely meant as markup.
    """
    parser = MarkdownIt("js-default", {"html": False})
    parser.disable(["reference", "code", "lheading"])
    parser.inline.ruler.before("escape", "bare_address", _bare_address)
    return parser


_PARSER = _parser()


@dataclass(frozen=True, slots=True)
class Markup:
    """The markers that a channel understands; empty where it has none."""

    strong: str = ""
    emphasis: str = ""
    strike: str = "~"
    code: str = ""
    fence: str = ""

    @property
    def inline(self) -> tuple[str, ...]:
        """Markers inside a line."""
        marks = (self.strong, self.emphasis, self.strike, self.code)
        return tuple(mark for mark in marks if mark)


WHATSAPP = Markup(strong="*", emphasis="_", strike="~", code="`", fence="```")
PLAIN = Markup()
"""Even plain text keeps the tildes of what is struck out: without them it would say otherwise."""


def channel_text(markdown: str, markup: Markup) -> str:
    """The same words and structure, in the channel's markup."""
    root = SyntaxTreeNode(_PARSER.parse(markdown))
    return "\n\n".join("\n".join(block) for block in _blocks(root, markup) if block)


def _blocks(parent: SyntaxTreeNode, markup: Markup) -> Iterator[list[str]]:
    """The lines of each block."""
    for node in parent.children:
        yield _block(node, markup)


def _block(node: SyntaxTreeNode, markup: Markup) -> list[str]:
    match node.type:
        case "heading":
            always = frozenset({markup.strong} if markup.strong else ())
            return _inline_lines(node, markup, always)
        case "bullet_list" | "ordered_list":
            return _list_lines(node, markup)
        case "blockquote":
            lines = "\n\n".join("\n".join(block) for block in _blocks(node, markup)).split("\n")
            return [f"> {line}".rstrip() for line in lines]
        case "fence" | "code_block":
            return _code_lines(node.content.rstrip("\n"), markup)
        case "hr":
            return [_RULE]
        case "table":
            return list(_table_lines(node, markup))
        case _:
            return _inline_lines(node, markup)


def _code_lines(content: str, markup: Markup) -> list[str]:
    if not markup.fence or markup.fence in content or not content.strip():
        return content.split("\n")
    return f"{markup.fence}{content}{markup.fence}".split("\n")


def _list_lines(node: SyntaxTreeNode, markup: Markup) -> list[str]:
    lines = []
    number = int(node.attrs.get("start", 1)) if node.type == "ordered_list" else None
    for item in node.children:
        lead = _BULLET
        if number is not None:
            lead, number = f"{number}. ", number + 1
        inner = [line for block in _blocks(item, markup) for line in block] or [""]
        lines.append(f"{lead}{inner[0]}".rstrip())
        lines += [f"  {line}" for line in inner[1:]]
    return lines


def _table_lines(node: SyntaxTreeNode, markup: Markup) -> Iterator[str]:
    """A line for each row, each cell behind the heading of its column."""
    rows = [row.children for part in node.children for row in part.children]
    heads = [" ".join(_inline_lines(cell, PLAIN)) for cell in rows[0]] if rows else []
    if len(rows) == 1:
        yield " · ".join(heads)
    for row in rows[1:]:
        cells = [" ".join(_inline_lines(cell, markup)) for cell in row]
        named = zip(heads, cells, strict=False)
        yield " · ".join(f"{head}: {cell}" if head else cell for head, cell in named if cell)


def _inline_lines(
    node: SyntaxTreeNode, markup: Markup, marks: frozenset[str] = frozenset()
) -> list[str]:
    lines: list[list[Letter]] = [[]]
    for letter in _letters_of(node, markup, marks):
        if letter is _NEW_LINE:
            lines.append([])
        else:
            lines[-1].append(letter)
    interpreted = markup is not PLAIN
    return [marked_up(line, markup.inline, is_interpreted=interpreted).strip() for line in lines]


def _letters_of(node: SyntaxTreeNode, markup: Markup, marks: frozenset[str]) -> Iterator[Letter]:
    marked = {"strong": markup.strong, "em": markup.emphasis, "s": markup.strike, "inline": ""}
    for child in node.children:
        match child.type:
            case "softbreak" | "hardbreak":
                yield _NEW_LINE
            case "bare_address":
                yield from letters(child.content, marks, is_raw=True)
            case "code_inline":
                yield from letters(child.content, _with(marks, markup.code), is_raw=True)
            case "strong" | "em" | "s" | "inline":
                yield from _letters_of(child, markup, _with(marks, marked[child.type]))
            case "link" | "image":
                yield from _link_letters(child, markup, marks)
            case _:
                yield from letters(child.content, marks)


def _link_letters(node: SyntaxTreeNode, markup: Markup, marks: frozenset[str]) -> Iterator[Letter]:
    """`words (address)`, or only the address where the words say nothing else."""
    address = str(node.attrs.get("href") or node.attrs.get("src") or "")
    words = list(_letters_of(node, markup, marks))
    said = "".join(letter.character for letter in words).strip()
    shown = address.removeprefix("mailto:").removeprefix("tel:")
    is_useful = ":" in address or address.startswith("//")
    if said and (not is_useful or said in (address, shown)):
        yield from (Letter(one.character, one.marks, is_raw=is_useful) for one in words)
    elif said:
        yield from words
        yield from letters(" (", marks - {markup.code})
        yield from letters(shown, frozenset(), is_raw=True)
        yield from letters(")", frozenset())
    else:
        yield from letters(shown, frozenset(), is_raw=True)


def _with(marks: frozenset[str], mark: str) -> frozenset[str]:
    return marks | {mark} if mark else marks


def literal_text(text: str, markup: Markup) -> str:
    """Words that are not Markdown: titles, names, labels. Nothing in them becomes markup."""
    none: frozenset[str] = frozenset()
    lines = [letters(line, none) for line in text.splitlines()]
    return "\n".join(marked_up(line, (), is_interpreted=markup is not PLAIN) for line in lines)


def strong_text(text: str, markup: Markup) -> str:
    """A heading that is not Markdown, in bold where the channel has bold."""
    always = frozenset({markup.strong} if markup.strong else ())
    lines = [letters(line, always) for line in text.splitlines()]
    interpreted = markup is not PLAIN
    return "\n".join(marked_up(line, always, is_interpreted=interpreted) for line in lines)
