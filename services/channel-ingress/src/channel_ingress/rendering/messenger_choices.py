"""Quick replies, buttons and cards of Messenger and Instagram, chosen by what they can hold."""

from __future__ import annotations

from collections.abc import Sequence

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
from channel_ingress.rendering.markdown_text import PLAIN
from channel_ingress.rendering.messenger_shapes import Platform, text_parts
from channel_ingress.rendering.part import Json, Part
from channel_ingress.rendering.sources import joined
from contracts.v1.shapes import Choices

TITLE_LIMIT = 20
QUICK_REPLIES_MAX = 13
BUTTONS_MAX, BUTTONS_TEXT = 3, 640
CARDS_MAX, CARD_TITLE = 10, 80


def choice_parts(text: str, choices: Choices, platform: Platform) -> list[Part]:
    """Text and choices as messages; too long titles stand in full in the text, with numbers."""
    options, links = options_of(choices), links_of(choices)
    if platform.has_templates and _are_buttons(text, choices):
        return [_button_message(text, choices)]
    text = joined(text, link_lines(links, PLAIN))
    if not options:
        return text_parts(text, platform)
    has_short_words = (
        titles_fit(options, TITLE_LIMIT)
        and len({option.heading for option in options}) == 1
        and not any(option.description for option in options)
    )
    if has_short_words:
        text, titled = joined(text, options[0].heading), by_title
    else:
        text, titled = joined(text, numbered_lines(options, PLAIN)), by_number
    return _with_options(text, options, titled, platform)


def _with_options(
    text: str, options: list[Option], titled: Titled, platform: Platform
) -> list[Part]:
    if len(options) <= QUICK_REPLIES_MAX and are_distinct(options):
        *before, last = text_parts(text or span_of(options), platform)
        replies = [
            {"content_type": "text", "title": titled(option), "payload": option.payload}
            for option in options
        ]
        return [*before, Part({**last.message, "quick_replies": replies})]
    if platform.has_templates and are_distinct(options):
        before = text_parts(text, platform) if text else []
        return [*before, *_cards(options, titled)]
    if titled is by_title:
        text = joined(text, numbered_lines(options, PLAIN))
    return text_parts(text, platform)


def _are_buttons(text: str, choices: Choices) -> bool:
    """Buttons stay in the conversation, so they are taken where wished for or for links."""
    every = [choice for section in choices.sections for choice in section.choices]
    titles = {choice.title.casefold() for choice in every}
    return (
        len(every) <= BUTTONS_MAX
        and (choices.style == "buttons" or any(choice.url for choice in every))
        and 0 < len(text) <= BUTTONS_TEXT
        and len(titles) == len(every)
        and all(_is_button(choice.title, choice.url) for choice in every)
        and not any(choice.description for choice in every)
        and not any(section.title for section in choices.sections)
        and are_distinct(options_of(choices))
    )


def _is_button(title: str, address: str | None) -> bool:
    has_scheme = address is None or address.startswith(("http://", "https://"))
    return len(title) <= TITLE_LIMIT and has_scheme


def _button_message(text: str, choices: Choices) -> Part:
    buttons: list[Json] = []
    for section in choices.sections:
        for choice in section.choices:
            if choice.url is not None:
                buttons.append({"type": "web_url", "title": choice.title, "url": choice.url})
            else:
                payload = choice.payload or choice.title
                buttons.append({"type": "postback", "title": choice.title, "payload": payload})
    template: Json = {"template_type": "button", "text": text, "buttons": buttons}
    return Part({"attachment": {"type": "template", "payload": template}})


def _cards(options: Sequence[Option], titled: Titled) -> list[Part]:
    """Too many for quick replies: cards with three buttons each, side by side."""
    parts = []
    for page in pages_of(options, CARDS_MAX * BUTTONS_MAX):
        elements: list[Json] = []
        for card in pages_of(page, BUTTONS_MAX):
            heading = card[0].heading if titled is by_title else ""
            buttons = [
                {"type": "postback", "title": titled(option), "payload": option.payload}
                for option in card
            ]
            title = heading if 0 < len(heading) <= CARD_TITLE else span_of(card)
            elements.append({"title": title, "buttons": buttons})
        payload = {"template_type": "generic", "elements": elements}
        parts.append(Part({"attachment": {"type": "template", "payload": payload}}))
    return parts
