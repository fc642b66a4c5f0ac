"""Reply buttons, lists and link buttons of WhatsApp, chosen by what their limits can hold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from channel_ingress.rendering.choices import (
    Option,
    Titled,
    are_distinct,
    by_number,
    by_title,
    link_lines,
    links_of,
    numbered_lines,
    options_of,
    pages_of,
    span_of,
    titles_fit,
)
from channel_ingress.rendering.markdown_text import WHATSAPP, literal_text, strong_text
from channel_ingress.rendering.part import Json, Part
from channel_ingress.rendering.sources import joined
from channel_ingress.rendering.splitting import split
from channel_ingress.rendering.whatsapp_shapes import TEXT_LIMIT, text_part, text_parts
from contracts.v1.shapes import Choices

BODY_LIMIT = 1024
"""For lists as well: newer pages say 4096, Meta's own description still 1024."""
LINE_LIMIT = 60
BUTTONS_MAX, BUTTON_TITLE, BUTTON_ID = 3, 20, 256
ROWS_MAX, ROW_TITLE, ROW_DESCRIPTION, ROW_ID, SECTION_TITLE = 10, 24, 72, 200, 24
NEUTRAL_LABEL = "☰"
"""On the button of a list when none was given, or it is too long: says nothing in any language."""


@dataclass(frozen=True, slots=True)
class Frame:
    """What stands around the choices."""

    header: str
    text: str
    footer: str
    label: str


def choice_parts(frame: Frame, choices: Choices) -> list[Part]:
    """Text and choices as messages; too long titles stand in full in the text, with numbers."""
    options, links = options_of(choices), links_of(choices)
    if not options and len(links) == 1:
        choice, address = links[0]
        is_short = len(choice.title) <= BUTTON_TITLE and not choice.description
        if is_short and address.startswith(("http://", "https://")):
            action = {"display_text": choice.title, "url": address}
            return _message(frame, "cta_url", {"name": "cta_url", "parameters": action})
    frame = _with_text(frame, link_lines(links, WHATSAPP))
    if not options:
        return text_parts(_all_text(frame))
    return _tap_parts(frame, options)


def _tap_parts(frame: Frame, options: list[Option]) -> list[Part]:
    numbered = _with_text(frame, numbered_lines(options, WHATSAPP))
    if not are_distinct(options):
        return text_parts(_all_text(numbered))
    if len(options) <= BUTTONS_MAX and _are_buttons(options):
        heading = options[0].heading
        return _buttons(_with_text(frame, strong_text(heading, WHATSAPP)), options, by_title)
    has_short_ids = all(len(option.payload) <= ROW_ID for option in options)
    if has_short_ids and _are_rows(options):
        return _lists(frame, options, by_title)
    if len(options) > BUTTONS_MAX and has_short_ids:
        return _lists(numbered, options, by_number)
    return _buttons(numbered, options, by_number)


def _are_buttons(options: Sequence[Option]) -> bool:
    """Buttons have no second line and no more than one heading."""
    return (
        titles_fit(options, BUTTON_TITLE)
        and len({option.heading for option in options}) == 1
        and not any(option.description for option in options)
    )


def _are_rows(options: Sequence[Option]) -> bool:
    headings = {option.section: option.heading for option in options}
    headings_fit = all(len(heading) <= SECTION_TITLE for heading in headings.values())
    if not headings_fit or (len(headings) > 1 and not all(headings.values())):
        return False
    rows = [_row_words(option) for option in options]
    titles = [words[0].casefold() for words in rows if words is not None]
    return None not in rows and len(set(titles)) == len(rows)


def _row_words(option: Option) -> tuple[str, str] | None:
    """Title and description of a row that says everything; None when there is no room."""
    title, description = option.title, option.description
    if len(title) <= ROW_TITLE:
        return (title, description) if len(description) <= ROW_DESCRIPTION else None
    full = f"{title} – {description}" if description else title
    if len(full) > ROW_DESCRIPTION:
        return None
    return split(title, ROW_TITLE - 1)[0] + "…", full


def _buttons(frame: Frame, options: Sequence[Option], titled: Titled) -> list[Part]:
    parts: list[Part] = []
    for page in pages_of(options, BUTTONS_MAX):
        buttons = [
            {"type": "reply", "reply": {"id": option.payload, "title": titled(option)}}
            for option in page
        ]
        shown = _page_frame(frame, page, is_first=not parts)
        parts += _message(shown, "button", {"buttons": buttons})
    return parts


def _lists(frame: Frame, options: Sequence[Option], titled: Titled) -> list[Part]:
    button = frame.label if 0 < len(frame.label) <= BUTTON_TITLE else NEUTRAL_LABEL
    if button != frame.label:
        frame = _with_text(frame, literal_text(frame.label, WHATSAPP))
    parts: list[Part] = []
    for page in pages_of(options, ROWS_MAX):
        shown = _page_frame(frame, page, is_first=not parts)
        action = {"button": button, "sections": _sections(page, titled)}
        parts += _message(shown, "list", action)
    return parts


def _sections(page: Sequence[Option], titled: Titled) -> list[Json]:
    sections: dict[int, list[Option]] = {}
    for option in page:
        sections.setdefault(option.section, []).append(option)
    found = []
    for options in sections.values():
        section: Json = {"rows": [_row(option, titled) for option in options]}
        heading = options[0].heading
        if titled is by_title and heading:
            section["title"] = heading
        elif len(sections) > 1:
            section["title"] = heading if 0 < len(heading) <= SECTION_TITLE else span_of(options)
        found.append(section)
    return found


def _row(option: Option, titled: Titled) -> Json:
    if titled is by_number:
        title, description = by_number(option), option.title
        description = description if len(description) <= ROW_DESCRIPTION else ""
    else:
        title, description = _row_words(option) or (by_number(option), "")
    row = {"id": option.payload, "title": title}
    return {**row, "description": description} if description else row


def _page_frame(frame: Frame, page: Sequence[Option], *, is_first: bool) -> Frame:
    return frame if is_first else Frame("", span_of(page), "", "")


def _with_text(frame: Frame, more: str) -> Frame:
    return Frame(frame.header, joined(frame.text, more), frame.footer, frame.label)


def _all_text(frame: Frame) -> str:
    return joined(
        strong_text(frame.header, WHATSAPP), frame.text, literal_text(frame.footer, WHATSAPP)
    )


def _message(frame: Frame, kind: str, action: Json) -> list[Part]:
    """The interactive message, behind as many text messages as a long text needs."""
    has_header, has_footer = len(frame.header) <= LINE_LIMIT, len(frame.footer) <= LINE_LIMIT
    text = joined(
        "" if has_header else strong_text(frame.header, WHATSAPP),
        frame.text,
        "" if has_footer else literal_text(frame.footer, WHATSAPP),
    )
    *before, body = _pieces(text or frame.label or NEUTRAL_LABEL)
    interactive: Json = {"type": kind, "body": {"text": body}, "action": action}
    if frame.header and has_header:
        interactive["header"] = {"type": "text", "text": frame.header}
    if frame.footer and has_footer:
        interactive["footer"] = {"text": frame.footer}
    message: Json = {"type": "interactive", "interactive": interactive}
    return [*(text_part(one) for one in before), Part(message)]


def _pieces(text: str) -> list[str]:
    """Long texts first, the last piece short enough for the message that is tapped."""
    if len(text) <= BODY_LIMIT:
        return [text]
    *before, last = split(text, TEXT_LIMIT, marked=True)
    return [*before, *split(last, BODY_LIMIT, marked=True)]
