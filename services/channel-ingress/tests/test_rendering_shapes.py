"""Files, choices, templates: shapes by the limits, and nothing that is said is lost."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from functools import cache
from importlib.util import find_spec
from typing import Any
from uuid import uuid4

import pytest

from channel_ingress.graph_sends import MessengerSends, WhatsAppSends
from channel_ingress.rendering import CannotRender, Part, render
from channel_ingress.webchat import delivery_of
from contracts.v1.sending import SendMessage
from contracts.v1.shapes import (
    Choices,
    ChoiceSection,
    GeoPoint,
    OutgoingReaction,
    TemplateCall,
    TemplateParameter,
)

from .rendered_bodies import body, choice, choices, media

MEGABYTE = 1024 * 1024
LONG = "A title that is far too long for any button or row of a list"


def whatsapp(text: str = "Which one?", **extras: Any) -> list[Part]:
    return render(body(text, **extras), "whatsapp")


def messenger(text: str = "Which one?", platform: str = "facebook", **extras: Any) -> list[Part]:
    return render(body(text, **extras), "messenger", platform=platform)


def interactive(part: Part) -> dict[str, Any]:
    found: dict[str, Any] = part.message["interactive"]
    return found


def rows(parts: list[Part]) -> list[dict[str, Any]]:
    sections = [one for part in parts for one in interactive(part)["action"]["sections"]]
    return [row for section in sections for row in section["rows"]]


def test_three_short_choices_are_buttons() -> None:
    (part,) = whatsapp(choices=choices("Yes", "No", "Later", style="list"), header="H", footer="F")
    assert interactive(part) == {
        "type": "button",
        "header": {"type": "text", "text": "H"},
        "body": {"text": "Which one?"},
        "footer": {"text": "F"},
        "action": {
            "buttons": [
                {"type": "reply", "reply": {"id": "yes", "title": "Yes"}},
                {"type": "reply", "reply": {"id": "no", "title": "No"}},
                {"type": "reply", "reply": {"id": "later", "title": "Later"}},
            ]
        },
    }


def test_more_or_described_choices_are_a_list() -> None:
    (part,) = whatsapp(choices=choices("A", "B", "C", "D", label="Choose"))
    assert interactive(part)["type"] == "list"
    assert interactive(part)["action"]["button"] == "Choose"
    (part,) = whatsapp(choices=choices(choice("A", description="The first"), "B"))
    assert rows([part])[0] == {"id": "a", "title": "A", "description": "The first"}
    assert interactive(part)["action"]["button"] == "☰"


def test_more_than_ten_rows_are_a_second_list() -> None:
    parts = whatsapp(choices=choices(*(f"Row {n}" for n in range(1, 24))))
    assert [interactive(part)["body"]["text"] for part in parts] == ["Which one?", "11–20", "21–23"]
    assert [row["title"] for row in rows(parts)] == [f"Row {n}" for n in range(1, 24)]


def test_a_long_title_stands_in_full_where_there_is_room() -> None:
    (part,) = whatsapp(choices=choices(LONG, "B", "C", "D"))
    assert rows([part])[0]["description"] == LONG
    assert len(rows([part])[0]["title"]) <= 24


def test_titles_without_room_are_numbers_below_a_full_text() -> None:
    longer = f"{LONG}, with more words"
    for titles in ((longer, "B"), (longer, "B", "C", "D"), ("Same", "same")):
        (part,) = whatsapp(choices=choices(*(choice(t, f"p{n}") for n, t in enumerate(titles))))
        text = interactive(part)["body"]["text"]
        assert all(f"{n}. {title}" in text for n, title in enumerate(titles, 1))
        assert '"title": "1"' in json.dumps(part.message)


def test_ids_too_long_for_a_list_are_on_buttons() -> None:
    every = [choice(f"T{n}", str(n) * 250) for n in range(1, 6)]
    parts = whatsapp(choices=choices(*every))
    assert [interactive(part)["type"] for part in parts] == ["button", "button"]
    assert "5. T5" in interactive(parts[0])["body"]["text"]


def test_links_are_a_button_alone_and_lines_among_others() -> None:
    link = choice("Our shop", url="https://shop.example/?a_b_c")
    (part,) = whatsapp(choices=choices(link))
    parameters = {"display_text": "Our shop", "url": "https://shop.example/?a_b_c"}
    action = {"name": "cta_url", "parameters": parameters}
    assert interactive(part)["action"] == action
    (part,) = whatsapp(choices=choices(link, "Other"))
    assert interactive(part)["body"]["text"].endswith("Our shop: https://shop.example/?a_b_c")
    assert len(interactive(part)["action"]["buttons"]) == 1
    (part,) = whatsapp(choices=choices(link, choice("B", url="https://b.example")))
    assert part.message["type"] == "text"


def test_sections_keep_their_headings() -> None:
    sections = [
        ChoiceSection(title=f"Part {n}", choices=[choice(f"{n}{x}") for x in "abc"]) for n in (1, 2)
    ]
    every = Choices(style="buttons", label="Choose", sections=sections)
    (part,) = whatsapp(choices=every)
    found = interactive(part)["action"]["sections"]
    assert [section["title"] for section in found] == ["Part 1", "Part 2"]
    (part,) = messenger(choices=every)
    assert part.message["text"].startswith("Which one?\n\nPart 1\n1. 1a\n")
    assert [one["title"] for one in part.message["quick_replies"]] == list("123456")


def test_a_long_text_goes_before_its_choices() -> None:
    text = "\n\n".join("word " * 50 for _ in range(12))
    *before, last = whatsapp(text, choices=choices("Yes", "No"))
    assert before
    assert all(part.message["type"] == "text" for part in before)
    assert last.message["type"] == "interactive"
    assert len(interactive(last)["body"]["text"]) <= 1024


def test_messenger_shapes() -> None:
    (part,) = messenger(choices=choices("Yes", "No"))
    assert part.message["attachment"]["payload"]["template_type"] == "button"
    (part,) = messenger(choices=choices("Yes", "No", style="quick_replies"))
    assert part.message["text"] == "Which one?"
    assert part.message["quick_replies"][0] == {
        "content_type": "text",
        "title": "Yes",
        "payload": "yes",
    }
    (part,) = messenger(choices=choices(choice("Shop", url="https://shop.example"), style="list"))
    assert part.message["attachment"]["payload"]["buttons"][0]["type"] == "web_url"
    (part,) = messenger(choices=choices(LONG, "B"))
    assert part.message["text"] == f"Which one?\n\n1. {LONG}\n2. B"
    text, cards = messenger(choices=choices(*(f"T{n}" for n in range(20))))
    assert len(cards.message["attachment"]["payload"]["elements"]) == 7
    assert text.message == {"text": "Which one?"}


def test_instagram_has_quick_replies_and_links_in_the_text() -> None:
    link = choice("Shop", url="https://shop.example")
    (part,) = messenger(platform="instagram", choices=choices("Yes", "No", link))
    assert part.message["text"] == "Which one?\n\nShop: https://shop.example"
    assert len(part.message["quick_replies"]) == 2


def test_a_caption_where_the_text_fits_and_the_channel_has_one() -> None:
    photo, voice = media(), media("voice", "audio/ogg; codecs=opus")
    (part,) = whatsapp("**Look**", media=[photo])
    assert part.message == {"type": "image", "image": {"caption": "*Look*"}}
    assert part.with_media("17") == {"type": "image", "image": {"caption": "*Look*", "id": "17"}}
    first, second = whatsapp("Listen", media=[voice])
    assert first.message == {"type": "audio", "audio": {"voice": True}}
    assert second.message["text"]["body"] == "Listen"
    first, *_ = whatsapp("x" * 1025, media=[photo])
    assert first.message == {"type": "image", "image": {}}
    first, second = messenger("Look", media=[photo])
    assert first.with_media("17") == {
        "attachment": {"type": "image", "payload": {"attachment_id": "17"}}
    }
    assert second.message == {"text": "Look"}
    first, second = whatsapp("Look", media=[photo], choices=choices("Yes"))
    assert second.message["type"] == "interactive"


@pytest.mark.parametrize(
    ("kind", "mime_type", "size", "shown"),
    [
        ("image", "image/png", MEGABYTE, "image"),
        ("image", "image/jpeg", 6 * MEGABYTE, "document"),
        ("image", "image/webp", 1024, "document"),
        ("sticker", "image/webp", 400 * 1024, "sticker"),
        ("sticker", "image/webp", 600 * 1024, "document"),
        ("sticker", "image/png", 1024, "image"),
        ("voice", "audio/ogg; codecs=opus", 1024, "audio"),
        ("voice", "audio/mpeg", 1024, "audio"),
        ("voice", "audio/wav", 1024, "document"),
        ("video", "video/mp4", 17 * MEGABYTE, "document"),
        ("document", "application/pdf", 99 * MEGABYTE, "document"),
        ("document", "application/pdf", 101 * MEGABYTE, "text"),
    ],
)
def test_files_that_do_not_fit_take_the_next_best_shape(
    kind: str, mime_type: str, size: int, shown: str
) -> None:
    (part,) = whatsapp("", media=[media(kind, mime_type, size_bytes=size)])
    assert part.message["type"] == shown
    assert ("voice" in json.dumps(part.message)) == (mime_type.startswith("audio/ogg"))
    while part.fallback is not None:
        assert part.needs_media is not None
        part = part.fallback
    assert part.needs_media is None
    assert part.message["type"] == "text"
    assert "photo.png" in part.message["text"]["body"]
    assert part.warning == ("media_too_large" if shown == "text" else "media_refused")


def test_platforms_differ_in_what_they_take() -> None:
    document = media("document", "application/zip")
    (part,) = messenger("", media=[document])
    assert part.message["attachment"]["type"] == "file"
    (part,) = messenger("", "instagram", media=[document])
    assert (part.message, part.warning) == ({"text": "📎 photo.png (1 KB)"}, "media_unsupported")


def test_a_place_is_a_pin_or_a_link() -> None:
    place = GeoPoint(latitude=45.8, longitude=15.97, name="Shop", address=None)
    (part,) = whatsapp("", location=place)
    location = {"latitude": "45.8", "longitude": "15.97", "name": "Shop"}
    assert part.message == {"type": "location", "location": location}
    (part,) = messenger("Here", location=place)
    assert part.message["text"] == "Here\n\nShop\nhttps://www.google.com/maps?q=45.8,15.97"


def test_reactions() -> None:
    (part,) = whatsapp("", reaction=OutgoingReaction(about="wamid.1", emoji="🎉"))
    assert part.message["reaction"] == {"message_id": "wamid.1", "emoji": "🎉"}
    (part,) = messenger("", reaction=OutgoingReaction(about="m1", emoji="❤️"))
    _, sent = MessengerSends().request("1", "2", part.message, "ref")
    assert sent["sender_action"] == "react"
    assert sent["payload"] == {"message_id": "m1", "reaction": "love"}
    assert MessengerSends().accepted_id({"recipient_id": "2"}, sent) == "react:m1:love"
    (part,) = messenger("", reaction=OutgoingReaction(about="m1", emoji="🎉"))
    assert part.message == {"text": "🎉", "reply_to": {"mid": "m1"}}


def parameter(component: str, index: int = 0, **more: Any) -> TemplateParameter:
    fields = {"name": None, "text": None, "media": None, **more}
    return TemplateParameter.model_validate({"component": component, "index": index, **fields})


TEMPLATE = TemplateCall(
    name="order_update",
    language="en_US",
    parameters=[
        parameter("header", media=media("document", "application/pdf", file_name="a.pdf")),
        parameter("body", 1, text="tomorrow"),
        parameter("body", 0, text="Ana", name="customer"),
        parameter("button", 2, text="abc"),
        parameter("button", 3, text="yes", name="quick_reply"),
    ],
)


def test_a_template_with_its_values_in_order() -> None:
    (part,) = whatsapp(template=TEMPLATE)
    template = part.with_media("17")["template"]
    header, text, *buttons = template["components"]
    document = {"filename": "a.pdf", "id": "17"}
    assert header["parameters"] == [{"type": "document", "document": document}]
    assert [one["text"] for one in text["parameters"]] == ["Ana", "tomorrow"]
    assert text["parameters"][0]["parameter_name"] == "customer"
    assert [(one["sub_type"], one["index"]) for one in buttons] == [
        ("url", "2"),
        ("quick_reply", "3"),
    ]
    assert buttons[1]["parameters"] == [{"type": "payload", "payload": "yes"}]


def test_what_cannot_be_rendered_says_so() -> None:
    with pytest.raises(CannotRender) as refused:
        messenger("", template=TEMPLATE)
    assert refused.value.code == "template_unsupported"
    image = parameter("header", media=media("image", "image/webp"))
    with pytest.raises(CannotRender):
        whatsapp(template=TemplateCall(name="t", language="en", parameters=[image]))


def test_only_the_first_part_is_an_answer_to_something() -> None:
    parts = render(body("x" * 5000), "whatsapp", reply_to="wamid.1")
    assert [part.message.get("context") for part in parts] == [{"message_id": "wamid.1"}, None]
    parts = render(body("x" * 3000), "messenger", reply_to="m1")
    assert [part.message.get("reply_to") for part in parts] == [{"mid": "m1"}, None]
    (part,) = render(body("", media=[media()]), "whatsapp", reply_to="wamid.1")
    while part is not None:
        assert part.message["context"] == {"message_id": "wamid.1"}
        part = part.fallback


def test_the_widget_shows_extras_as_they_are() -> None:
    command = SendMessage.make(
        tenant_id=uuid4(),
        send_id=uuid4(),
        conversation_id=uuid4(),
        channel_id=uuid4(),
        channel_type="webchat",
        contact_external_id="v1",
        recorded_message_id=uuid4(),
        seq=2,
        author="agent",
        author_name="Eva",
        turn_id=None,
        ownership_number=1,
        body=body("**Hi**", choices=choices("Yes"), media=[media()]),
        reply_to="m1",
        created_at=datetime.now(UTC),
    )
    shown = delivery_of(command).message
    assert (shown.text, shown.extras, shown.reply_to) == ("**Hi**", command.body.extras, "m1")
    assert (shown.role, shown.author) == ("agent", "Eva")


JUDGED: list[dict[str, Any]] = [
    {},
    {"media": [media()]},
    {"media": [media("voice", "audio/ogg")]},
    {"media": [media("sticker", "image/webp")]},
    {"media": [media("video", "video/mp4"), media("document", "application/pdf")]},
    {"choices": choices("Yes", "No"), "header": "H", "footer": "F"},
    {"choices": choices(*(f"T{n}" for n in range(24)), label="Choose")},
    {"choices": choices(*(f"{LONG} {n}" for n in range(14)))},
    {"location": GeoPoint(latitude=1.5, longitude=2, name="n", address="a")},
    {"reaction": OutgoingReaction(about="wamid.1", emoji="👍")},
    {"template": TEMPLATE},
]


@cache
def _judge() -> Any:
    if not find_spec("simulators") or not find_spec("jsonschema"):
        pytest.skip("the judge is not installed here")
    from simulators.meta.specification import Specification, find_specification

    path = find_specification()
    if path is None:
        pytest.skip("Meta's OpenAPI file is not here")
    return Specification(path)


@pytest.mark.parametrize("extras", JUDGED, ids=lambda extras: "+".join(extras) or "text")
def test_meta_s_own_description_agrees(extras: dict[str, Any]) -> None:
    """All but link buttons, which the description does not know."""
    specification = _judge()
    for part in render(body("Hello **you**", **extras), "whatsapp", reply_to="wamid.9"):
        found: Part | None = part
        while found is not None:
            message = found.with_media("17") if found.needs_media else found.message
            _, sent = WhatsAppSends().request("1", "4912345", message, "ref")
            assert specification.send_request_errors(sent) == []
            found = found.fallback
