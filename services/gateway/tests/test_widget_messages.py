"""What a visitor may say, and what of a message a visitor is shown."""

from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest

from contracts.v1.shapes import (
    Choice,
    Choices,
    ChoiceSection,
    MediaRef,
    MessageContent,
    MessageExtras,
    OutgoingMedia,
    RecordedMessage,
)
from gateway.media_links import MediaLinks
from gateway.widget.protocol import (
    Said,
    Unfit,
    read_last_seq,
    read_message,
    read_seq,
    shown,
)

OWN = str(uuid4())
FILE = uuid4()
TENANT = uuid4()
LINKS = MediaLinks(b"secret", "https://chat.example")


def said(**fields: object) -> Said:
    return read_message({"client_message_id": OWN, **fields})


def test_a_text_is_taken_as_it_can_be_kept() -> None:
    found = read_message({"client_message_id": OWN.upper(), "text": "hi\x00", "stranger": 1})
    assert found == Said(OWN, "hi\ufffd")


def test_files_and_choices_need_no_text() -> None:
    assert said(media_ids=[str(FILE)]) == Said(OWN, "", (FILE,))
    tapped = said(text="", choice={"payload": "p", "title": "Yes"})
    assert (tapped.text, tapped.choice) == ("Yes", {"payload": "p", "title": "Yes"})
    assert said(text="own words", choice={"payload": "", "title": "Yes"}).text == "own words"
    assert said(text="x", reply_to="ref").reply_to == "ref"


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"text": "x" * 20_000}, "text_too_long"),
        ({"text": " "}, "empty_text"),
        ({}, "invalid_message"),
        ({"text": "x", "media_ids": "no list"}, "invalid_message"),
        ({"text": "x", "media_ids": ["no uuid"]}, "invalid_message"),
        ({"text": "x", "media_ids": [None]}, "invalid_message"),
        ({"text": "x", "media_ids": [str(FILE)] * 11}, "invalid_message"),
        ({"text": "x", "choice": "p"}, "invalid_message"),
        ({"text": "x", "choice": {"payload": "p"}}, "invalid_message"),
        ({"text": "x", "choice": {"payload": "p", "title": " "}}, "invalid_message"),
        ({"text": "x", "choice": {"payload": "p" * 257, "title": "t"}}, "invalid_message"),
        (
            {"media_ids": [str(FILE)], "choice": {"payload": "p", "title": "t"}},
            "invalid_message",
        ),
        ({"text": "x", "reply_to": 1}, "invalid_message"),
        ({"text": "x", "reply_to": "r" * 513}, "invalid_message"),
    ],
)
def test_what_does_not_fit_is_told(fields: dict[str, object], code: str) -> None:
    with pytest.raises(Unfit) as unfit:
        said(**fields)
    assert unfit.value.ack()["code"] == code


def test_places_are_numbers() -> None:
    for wrong in (True, "1", -1, 2**31, 1.5):
        with pytest.raises(Unfit):
            read_last_seq({"last_seq": wrong})
        with pytest.raises(Unfit):
            read_seq({"seq": wrong})
    assert read_last_seq(None) == 0
    assert read_seq({"seq": 7}) == 7
    with pytest.raises(Unfit):
        read_seq(None)


def message(**fields: object) -> RecordedMessage:
    usual = {
        "recorded_message_id": UUID(int=5),
        "seq": 1,
        "role": "bot",
        "text": "Hi",
        "content": None,
        "citations": [],
        "created_at": datetime.now(UTC),
        "client_message_id": None,
        "turn_id": None,
        "delivery": "accepted",
        "delivery_code": None,
    }
    return RecordedMessage.model_validate(usual | fields)


def test_stored_files_are_shown_with_a_link_and_without_their_hash() -> None:
    extras = MessageExtras(
        header=None,
        footer="below",
        media=[
            OutgoingMedia(
                kind="image", sha256="a" * 64, mime_type="image/png", file_name="a.png",
                size_bytes=3,
            )
        ],
        choices=Choices(
            style="buttons",
            label=None,
            sections=[
                ChoiceSection(
                    title=None,
                    choices=[Choice(payload="y", title="Yes", description=None, url=None)],
                )
            ],
        ),
        template=None,
        location=None,
        reaction=None,
    )  # fmt: skip
    told = shown(LINKS, TENANT, message(extras=extras))
    (file,) = told["extras"]["media"]
    assert "a" * 64 not in str(told)
    stored = LINKS.read(file["url"].removeprefix("/media/"))
    assert stored is not None
    assert (stored.tenant_id, stored.sha256, stored.file_name) == (TENANT, "a" * 64, "a.png")
    assert told["extras"]["choices"]["sections"][0]["choices"][0]["payload"] == "y"
    assert told["extras"]["footer"] == "below"
    assert "template" not in told["extras"]
    assert told["ref"] == str(UUID(int=5))


def test_a_file_that_is_not_stored_has_no_link() -> None:
    media = MediaRef(
        provider_media_id="secret-id", mime_type="audio/ogg", file_name=None, sha256=None,
        size_bytes=None, state="pending",
    )  # fmt: skip
    content = MessageContent(kind="voice", text=None, media=media, data='{"x":1}')
    told = shown(LINKS, TENANT, message(role="customer", client_message_id=OWN, content=content))
    assert told["content"]["media"]["url"] is None
    assert told["content"]["media"]["state"] == "pending"
    assert "secret-id" not in str(told)
    assert told["ref"] == OWN
