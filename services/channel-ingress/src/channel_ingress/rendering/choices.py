"""What is the same for the choices of every channel: order, numbers, lines of text."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from channel_ingress.rendering.markdown_text import Markup, literal_text, strong_text
from contracts.v1.shapes import Choice, Choices


@dataclass(frozen=True, slots=True)
class Option:
    """A choice with its place."""

    number: int
    """From 1, over all sections; counts only what can be tapped."""
    title: str
    description: str
    payload: str
    section: int
    heading: str


def options_of(choices: Choices) -> list[Option]:
    """Everything that comes back when it is tapped."""
    options: list[Option] = []
    for place, section in enumerate(choices.sections):
        for choice in section.choices:
            if choice.url is None:
                options.append(
                    Option(
                        number=len(options) + 1,
                        title=choice.title.strip() or choice.payload or "…",
                        description=(choice.description or "").strip(),
                        payload=choice.payload or choice.title,
                        section=place,
                        heading=(section.title or "").strip(),
                    )
                )
    return options


def links_of(choices: Choices) -> list[tuple[Choice, str]]:
    """Choices that open an address, with it."""
    every = [choice for section in choices.sections for choice in section.choices]
    return [(choice, choice.url) for choice in every if choice.url is not None]


def link_lines(links: Sequence[tuple[Choice, str]], markup: Markup) -> str:
    """`title: address`, a line each."""
    lines = []
    for choice, address in links:
        title = choice.title if not choice.description else f"{choice.title} – {choice.description}"
        lines.append(f"{literal_text(title, markup)}: {address}")
    return "\n".join(lines)


def numbered_lines(options: Sequence[Option], markup: Markup) -> str:
    """Every option in full with its number, below the heading of its section."""
    lines: list[str] = []
    section = -1
    for option in options:
        if option.section != section and option.heading:
            lines.append(strong_text(option.heading, markup))
        section = option.section
        words = option.title
        if option.description:
            words = f"{words} – {option.description}"
        lines.append(f"{option.number}. {literal_text(words, markup)}")
    return "\n".join(lines)


def are_distinct(options: Sequence[Option]) -> bool:
    """Whether each of them can be told from the others when it comes back."""
    return len({option.payload for option in options}) == len(options)


def titles_fit(options: Sequence[Option], limit: int) -> bool:
    """Whether all titles are short enough, and no two look the same."""
    titles = {option.title.casefold() for option in options}
    return len(titles) == len(options) and all(len(option.title) <= limit for option in options)


def pages_of(options: Sequence[Option], size: int) -> Iterator[Sequence[Option]]:
    """The options in groups of at most `size`."""
    for start in range(0, len(options), size):
        yield options[start : start + size]


def span_of(options: Sequence[Option]) -> str:
    """`11–20`: says in no language which numbers follow."""
    first, last = options[0].number, options[-1].number
    return str(first) if first == last else f"{first}–{last}"


Titled = Callable[[Option], str]


def by_title(option: Option) -> str:
    """The option's own words."""
    return option.title


def by_number(option: Option) -> str:
    """Its number, where the words stand in the text."""
    return str(option.number)
