"""The policy table row by row: facts in, decision and reason out."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any
from uuid import uuid4

import pytest

from channel_ingress.planner import (
    PARAMETER_LIMIT,
    Facts,
    TemplateState,
    as_template,
    entry_point_end,
    kind_of,
    messaging_type,
    parameter_text,
    plan,
)
from channel_ingress.policy_table import POLICY, TABLE
from contracts.v1.sending import OutgoingBody, SendMessage
from contracts.v1.shapes import (
    Choice,
    Choices,
    ChoiceSection,
    GeoPoint,
    MessageExtras,
    OutgoingMedia,
    OutgoingReaction,
    TemplateCall,
    TemplateParameter,
)

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
TEMPLATE = TemplateCall(
    name="come_back",
    language="en",
    parameters=[
        TemplateParameter(component="body", index=0, name=None, text="We say: {{text}}", media=None)
    ],
)
APPROVED = TemplateState("APPROVED", "UTILITY", 1)


def hours(count: float) -> datetime:
    return NOW - timedelta(hours=count)


def facts(channel_type: str = "whatsapp", **changes: Any) -> Facts:
    fields: dict[str, Any] = {"author": "bot", "kind": "text", "last_customer_at": hours(1)}
    return Facts(channel_type=channel_type, now=NOW, **{**fields, **changes})


def whatsapp(**changes: Any) -> Facts:
    return facts("whatsapp", **changes)


def messenger(**changes: Any) -> Facts:
    return facts("messenger", **changes)


CLOSED = {"last_customer_at": hours(25)}
AS_TEMPLATE = {**CLOSED, "template": TEMPLATE}
TAGGED = {**CLOSED, "author": "agent", "human_agent_tag": True}

ROWS: list[tuple[str, Facts, str, str]] = [
    ("web chat", facts("webchat", last_customer_at=None), "free_form", "webchat"),
    (
        "web chat, years later",
        facts("webchat", last_customer_at=hours(9e4)),
        "free_form",
        "webchat",
    ),
    ("disabled", whatsapp(channel_state="disabled"), "refuse", "channel_disabled"),
    ("removed", messenger(channel_state="removed"), "refuse", "channel_disabled"),
    ("parked", whatsapp(parked="all", park_code="token_invalid"), "later", "parked"),
    ("parked before window", whatsapp(parked="all", **CLOSED), "later", "parked"),
    ("quiet bot", whatsapp(parked="bots"), "later", "parked"),
    ("quiet bot, a person", whatsapp(parked="bots", author="agent"), "free_form", "window_open"),
    (
        "paused template",
        whatsapp(**AS_TEMPLATE, template_state=replace(APPROVED, status="PAUSED")),
        "refuse",
        "template_paused",
    ),
    (
        "disabled template",
        whatsapp(
            kind="template", template=TEMPLATE, template_state=replace(APPROVED, status="disabled")
        ),
        "refuse",
        "template_paused",
    ),
    (
        "template not approved",
        whatsapp(
            kind="template", template=TEMPLATE, template_state=replace(APPROVED, status="REJECTED")
        ),
        "refuse",
        "template_not_approved",
    ),
    (
        "a parameter is missing",
        whatsapp(kind="template", template=TEMPLATE, template_state=replace(APPROVED, places=2)),
        "refuse",
        "template_parameters",
    ),
    (
        "marketing, opted out",
        whatsapp(
            kind="template",
            template=TEMPLATE,
            template_state=replace(APPROVED, category="MARKETING"),
            opted_out=True,
        ),
        "refuse",
        "opted_out",
    ),
    (
        "utility, opted out",
        whatsapp(kind="template", template=TEMPLATE, template_state=APPROVED, opted_out=True),
        "template",
        "template",
    ),
    ("template on Messenger", messenger(kind="template"), "refuse", "template_unsupported"),
    ("closed, no template", whatsapp(**CLOSED), "refuse", "window_closed"),
    ("exactly a day", whatsapp(last_customer_at=hours(24)), "refuse", "window_closed"),
    ("a second less", whatsapp(last_customer_at=hours(23.999)), "free_form", "window_open"),
    ("closed, reaction", whatsapp(**AS_TEMPLATE, kind="reaction"), "refuse", "window_closed"),
    ("closed, media", whatsapp(**AS_TEMPLATE, kind="media"), "refuse", "window_closed"),
    ("closed, place", whatsapp(**AS_TEMPLATE, kind="location"), "refuse", "window_closed"),
    ("Meta says closed", whatsapp(window_refused=True), "refuse", "window_closed"),
    (
        "entry point does not open it",
        whatsapp(**CLOSED, entry_point_until=hours(-9)),
        "refuse",
        "window_closed",
    ),
    ("Messenger, bot", messenger(**{**TAGGED, "author": "bot"}), "refuse", "window_closed"),
    ("Messenger, system", messenger(**{**TAGGED, "author": "system"}), "refuse", "window_closed"),
    ("8 days", messenger(**{**TAGGED, "last_customer_at": hours(169)}), "refuse", "window_closed"),
    (
        "no tag granted",
        messenger(**{**TAGGED, "human_agent_tag": False}),
        "refuse",
        "window_closed",
    ),
    ("tag, but a picture", messenger(**TAGGED, kind="media"), "refuse", "window_closed"),
    ("tag, but quick replies", messenger(**TAGGED, kind="choices"), "refuse", "window_closed"),
    ("pair", whatsapp(pair_wait_seconds=6.0), "later", "pair_rate_limited"),
    (
        "pair, template",
        whatsapp(**AS_TEMPLATE, pair_wait_seconds=6.0),
        "later",
        "pair_rate_limited",
    ),
    ("pair, but refused", whatsapp(**CLOSED, pair_wait_seconds=6.0), "refuse", "window_closed"),
    ("no pair rate on Messenger", messenger(pair_wait_seconds=6.0), "free_form", "window_open"),
    ("number", whatsapp(number_wait_seconds=0.1), "later", "rate_limited"),
    ("page", messenger(number_wait_seconds=0.1), "later", "rate_limited"),
    ("template", whatsapp(kind="template", template=TEMPLATE), "template", "template"),
    ("template, closed", whatsapp(**AS_TEMPLATE, kind="template"), "template", "template"),
    (
        "template, nobody wrote",
        whatsapp(kind="template", template=TEMPLATE, last_customer_at=None),
        "template",
        "template",
    ),
    (
        "template, ad",
        whatsapp(**AS_TEMPLATE, kind="template", entry_point_until=hours(-1)),
        "template",
        "template_free_entry_point",
    ),
    (
        "template, ad long ago",
        whatsapp(**AS_TEMPLATE, kind="template", entry_point_until=hours(1)),
        "template",
        "template",
    ),
    ("closed, template goes", whatsapp(**AS_TEMPLATE), "template", "reengagement_template"),
    (
        "closed, choices",
        whatsapp(**AS_TEMPLATE, kind="choices"),
        "template",
        "reengagement_template",
    ),
    (
        "Meta says closed, template",
        whatsapp(window_refused=True, template=TEMPLATE),
        "template",
        "reengagement_template",
    ),
    ("a person, tag", messenger(**TAGGED), "tagged", "human_agent"),
    ("open, whatever kind", whatsapp(kind="media"), "free_form", "window_open"),
    ("open, reaction", messenger(kind="reaction"), "free_form", "window_open"),
    ("open, with tag", messenger(author="agent", human_agent_tag=True), "free_form", "window_open"),
    ("unknown", whatsapp(last_customer_at=None), "free_form", "window_unknown"),
    ("unknown", messenger(last_customer_at=None), "free_form", "window_unknown"),
]


@pytest.mark.parametrize(("name", "seen", "decision", "rule"), ROWS, ids=lambda x: str(x)[:30])
def test_the_table_row_by_row(name: str, seen: Facts, decision: str, rule: str) -> None:
    made = plan(seen).plan
    assert (made.decision, made.rule) == (decision, rule), name
    assert made.policy == POLICY
    assert made.detail.endswith(".")
    assert made.message_tag == ("HUMAN_AGENT" if decision == "tagged" else None)
    assert made.template == ("come_back" if decision == "template" else None)


def test_every_row_of_the_table_decides_some_test() -> None:
    tested = {(rule, decision) for _, _, decision, rule in ROWS}
    assert {(rule.code, rule.decision) for rule in TABLE} == tested


def test_every_message_finds_a_row() -> None:
    """Nothing falls through: no combination of facts ends with `no_rule`."""
    for channel, author, kind, parked, age, template, granted in product(
        ("whatsapp", "messenger", "webchat"),
        ("bot", "agent", "system"),
        ("text", "choices", "media", "location", "reaction", "template"),
        ("", "bots", "all"),
        (None, 1, 25, 200),
        (None, TEMPLATE),
        (True, False),
    ):
        seen = facts(
            channel,
            author=author,
            kind=kind,
            parked=parked,
            last_customer_at=None if age is None else hours(age),
            template=template,
            human_agent_tag=granted,
        )
        made = plan(seen).plan
        assert made.rule != "no_rule", seen
        assert made.decision != "tagged" or (author, kind) == ("agent", "text")


def test_what_waits_says_until_when() -> None:
    paced = plan(whatsapp(pair_wait_seconds=6.0, number_wait_seconds=0.0))
    assert (paced.until, paced.code, paced.goes) == (
        NOW + timedelta(seconds=6), "pair_rate_limited", False,
    )  # fmt: skip
    parked = plan(whatsapp(parked="all", park_code="token_invalid", park_detail="Dead."))
    assert (parked.until, parked.code, parked.plan.detail) == (None, "token_invalid", "Dead.")


def test_an_entry_point_opens_by_an_answer_within_a_day() -> None:
    assert entry_point_end(hours(23), NOW) == NOW + timedelta(hours=72)
    assert entry_point_end(hours(24), NOW) is None


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("Hi", "Hi"),
        ("**Your order**\n\n- is\there     now", "Your order - is here now"),
        ("See [us](https://a.example/x)", "See us https://a.example/x"),
        ("", ""),
    ],
)
def test_a_parameter_is_one_plain_line(text: str, plain: str) -> None:
    assert parameter_text(text) == plain


def test_a_long_parameter_is_cut_between_words() -> None:
    cut = parameter_text("word " * 1_000)
    assert len(cut) <= PARAMETER_LIMIT
    assert cut.endswith("word…")
    assert len(parameter_text("x" * 5_000)) == PARAMETER_LIMIT


def command(text: str = "Hi", **changes: Any) -> SendMessage:
    fields: dict[str, Any] = {
        "send_id": uuid4(),
        "conversation_id": uuid4(),
        "channel_id": uuid4(),
        "channel_type": "whatsapp",
        "contact_external_id": "1",
        "recorded_message_id": uuid4(),
        "seq": 2,
        "author": "bot",
        "turn_id": uuid4(),
        "ownership_number": 1,
        "body": OutgoingBody(text=text, citations=[]),
        "reply_to": "wamid.1",
        "created_at": NOW,
    }
    return SendMessage.make(tenant_id=uuid4(), **{**fields, **changes})


def test_a_text_goes_inside_the_template() -> None:
    sent = as_template(command("*One*\ntwo"), TEMPLATE)
    assert sent.body.extras is not None
    assert sent.body.extras.template is not None
    assert [p.text for p in sent.body.extras.template.parameters] == ["We say: One two"]
    assert (sent.body.text, sent.reply_to) == ("", None)


def test_messengers_word_for_it() -> None:
    assert messaging_type(command()) == "RESPONSE"
    assert messaging_type(command(turn_id=None, reply_to=None)) == "UPDATE"
    assert messaging_type(command(turn_id=None, reply_to=None, author="agent")) == "RESPONSE"


def extras(**changes: Any) -> OutgoingBody:
    fields: dict[str, Any] = {
        name: [] if name == "media" else None for name in MessageExtras.model_fields
    }
    made = MessageExtras(**{**fields, **changes})
    return OutgoingBody(text="Hi", citations=[], extras=made)


def test_kinds_of_bodies() -> None:
    media = OutgoingMedia(
        kind="image", sha256="0" * 64, mime_type="image/png", file_name=None, size_bytes=1
    )
    choice = Choice(payload="a", title="A", description=None, url=None)
    choices = Choices(
        style="buttons", label=None, sections=[ChoiceSection(title=None, choices=[choice])]
    )
    place = GeoPoint(latitude=1, longitude=2, name=None, address=None)
    assert kind_of(OutgoingBody(text="Hi", citations=[])) == "text"
    assert kind_of(extras(footer="below")) == "text"
    assert kind_of(extras(choices=choices)) == "choices"
    assert kind_of(extras(choices=choices, media=[media])) == "media"
    assert kind_of(extras(location=place)) == "location"
    assert kind_of(extras(template=TEMPLATE)) == "template"
    assert kind_of(extras(reaction=OutgoingReaction(about="wamid.1", emoji="👍"))) == "reaction"
