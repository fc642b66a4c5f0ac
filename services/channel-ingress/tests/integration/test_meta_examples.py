"""Meta's own example bodies, read as what they say they are."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from channel_ingress.items import CustomerMessage
from channel_ingress.whatsapp import WhatsAppAdapter
from simulators.meta.specification import Specification, find_specification

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
EXPECTED = {
    "Text Message": "text",
    "Text Message with Context (Product Inquiry)": "text",
    "Text Message from Click to WhatsApp Ad": "text",
    "Reaction Message": "Change",
    "Image Message": "image",
    "Location Message": "location",
    "Contact Sharing Message": "contacts",
    "Unsupported Message": "unsupported",
    "Button Message": "button_reply",
    "Interactive List Reply Message": "list_reply",
    "Interactive Button Reply Message": "button_reply",
    "Order Message": "order",
    "System Message": "IdentityChange",
    "Group Create Message": "Update",
    "Group Settings Update": "Update",
    "Group Remove Participants": "Update",
}


@pytest.fixture(scope="module")
def examples() -> dict[str, Any]:
    """Return the webhook examples of Meta's OpenAPI file."""
    path = find_specification()
    if path is None:
        pytest.skip("Meta's OpenAPI file is not beside the repository")
    return dict(Specification(path).webhook_examples())


def test_every_example_is_expected(examples: dict[str, Any]) -> None:
    assert set(examples) == set(EXPECTED)


@pytest.mark.parametrize("name", EXPECTED)
def test_an_example_is_read(examples: dict[str, Any], name: str) -> None:
    (item,) = WhatsAppAdapter().normalise(examples[name], NOW)
    payload = item.payload
    if isinstance(payload, CustomerMessage):
        assert payload.content.kind == EXPECTED[name]
        assert payload.person.display_name == "Sheena Nelson"
        assert item.flags == ()
    else:
        assert type(payload).__name__ == EXPECTED[name]


def test_where_the_customer_came_from_is_kept(examples: dict[str, Any]) -> None:
    def content_of(name: str) -> Any:
        (item,) = WhatsAppAdapter().normalise(examples[name], NOW)
        assert isinstance(item.payload, CustomerMessage)
        return item.payload.content

    assert "ctwa_clid" in content_of("Text Message from Click to WhatsApp Ad").referral
    product = content_of("Text Message with Context (Product Inquiry)").context
    assert "di9ozbzfi4" in product
