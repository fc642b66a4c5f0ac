"""What people may say in a conversation, and what a channel's choices become."""

from uuid import uuid4

import pytest
from pydantic import ValidationError

from contracts.v1.shapes import OutgoingMedia
from gateway.api.message_shapes import NewMessage
from gateway.domain import channel_choices

FILE = uuid4()
STORED = OutgoingMedia(
    kind="image", sha256="a" * 64, mime_type="image/png", file_name="a.png", size_bytes=3
)
BUTTONS = {"style": "buttons", "sections": [{"choices": [{"payload": "y", "title": "Yes"}]}]}


def test_plain_text_has_no_extras() -> None:
    assert NewMessage(text="hi").extras({}, None) is None
    assert NewMessage(text="hi", reply_to=uuid4()).extras({}, None) is None


def test_everything_reaches_the_extras() -> None:
    body = NewMessage.model_validate(
        {"text": "hi", "footer": "f", "media_ids": [FILE], "choices": BUTTONS}
    )
    extras = body.extras({FILE: STORED}, None)
    assert extras is not None
    assert (extras.media, extras.footer) == ([STORED], "f")
    assert extras.choices is not None
    assert extras.choices.sections[0].choices[0].title == "Yes"


def test_a_template_takes_words_and_files() -> None:
    parameters = [
        {"component": "header", "media_id": FILE},
        {"component": "body", "index": 1, "text": "Ana"},
    ]
    body = NewMessage.model_validate(
        {"template": {"name": "order", "language": "en_US", "parameters": parameters}}
    )
    assert body.every_media_id == [FILE]
    extras = body.extras({FILE: STORED}, None)
    assert extras is not None
    assert extras.template is not None
    assert [p.media for p in extras.template.parameters] == [STORED, None]
    assert [p.text for p in extras.template.parameters] == [None, "Ana"]


def test_a_reaction_names_the_channels_own_id() -> None:
    body = NewMessage.model_validate({"reaction": {"message_id": uuid4(), "emoji": "👍"}})
    extras = body.extras({}, "wamid.1")
    assert extras is not None
    assert extras.reaction is not None
    assert extras.reaction.about == "wamid.1"


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"text": " "},
        {"choices": BUTTONS},
        {"text": "x", "template": {"name": "a", "language": "en"}, "media_ids": [FILE]},
        {"text": "x", "reaction": {"message_id": uuid4(), "emoji": "x"}},
        {"text": "x", "choices": {"style": "buttons", "sections": []}},
        {"text": "x", "choices": {"style": "menu", "sections": BUTTONS["sections"]}},
        {"location": {"latitude": 91, "longitude": 0}},
        {"template": {"name": "Not Lower", "language": "en"}},
        {"template": {"name": "a", "language": "en", "parameters": [{"component": "body"}]}},
        {"text": "x", "media_ids": [FILE] * 11},
        {"text": "x", "stranger": 1},
    ],
)
def test_what_is_no_message(body: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        NewMessage.model_validate(body)


def test_choices_of_a_channel_are_filled_in() -> None:
    empty = channel_choices({})
    assert (empty.human_agent_tag, empty.platform, empty.reengagement_template) == (
        False, None, None,
    )  # fmt: skip
    template = {
        "name": "again", "language": "en", "parameters": [{"component": "body", "text": "{{text}}"}]
    }  # fmt: skip
    full = channel_choices({"reengagement_template": template, "messages_per_second": 20})
    assert full.messages_per_second == 20
    assert full.reengagement_template is not None
    (value,) = full.reengagement_template.parameters
    assert (value.index, value.text, value.media) == (0, "{{text}}", None)
