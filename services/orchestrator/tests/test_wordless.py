"""What counts as saying nothing, and in which language it is answered."""

import pytest

from contracts.v1.shapes import MessageContent
from orchestrator.domain import StoredMessage
from orchestrator.wordless import holds_no_words, received_sentence


def sent(kind, text=""):
    content = MessageContent(kind=kind, text=text or None, media=None, data=None)
    return StoredMessage(1, "customer", text, content)


WORDS = StoredMessage(2, "customer", "Is this yours?", None)


@pytest.mark.parametrize("kind", ["image", "video", "audio", "voice", "document", "sticker"])
def test_files_alone_hold_no_words(kind):
    assert holds_no_words([sent(kind)])
    assert holds_no_words([sent(kind), sent("contacts", "Ana Babić"), sent("location", "Zagreb")])
    assert not holds_no_words([sent(kind), WORDS])
    assert not holds_no_words([])


@pytest.mark.parametrize("kind", ["postback", "button_reply", "form_reply", "order", "unsupported"])
def test_what_a_customer_chose_is_for_the_model(kind):
    assert not holds_no_words([sent("image"), sent(kind)])


def test_a_caption_is_words():
    assert not holds_no_words([sent("image", "Is this yours?")])


def test_the_tenants_language_or_english():
    assert received_sentence("de_AT").startswith("Danke")
    assert received_sentence("fr").startswith("Merci")
    assert received_sentence("tlh") == received_sentence(None) == received_sentence("en-GB")
