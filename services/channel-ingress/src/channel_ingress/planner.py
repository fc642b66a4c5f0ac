"""Decides by the policy table how a message goes out: pure, from facts."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from channel_ingress.policy_table import (
    ENTRY_POINT_HOURS,
    HUMAN_AGENT_HOURS,
    POLICY,
    TABLE,
    WINDOW_HOURS,
    Rule,
    Value,
)
from contracts.v1.sending import OutgoingBody, SendMessage
from contracts.v1.shapes import MessageExtras, SendPlan, TemplateCall, TemplateParameter

Kind = Literal["text", "choices", "media", "location", "reaction", "template"]

PARAMETER_LIMIT = 800
"""Characters of a text inside a template: the whole body may have 1,024, its own words too."""
TEXT_PLACE = "{{text}}"

_MARKUP = re.compile(r"[*_~`#>]+")
_LINK = re.compile(r"\[([^\]\n]+)\]\((https?://[^)\s]+)\)")


@dataclass(frozen=True, slots=True)
class TemplateState:
    """What is known of a template."""

    status: str
    category: str
    places: int
    """How many values it needs."""
    fits: bool | None = None
    """Whether the call has a right value for each; None where values can only be counted."""


@dataclass(frozen=True, slots=True)
class Facts:
    """All that the table may ask about one message; times by the database's clock."""

    channel_type: str
    author: str
    kind: Kind
    now: datetime
    channel_state: str = "active"
    parked: Literal["", "bots", "all"] = ""
    park_code: str = ""
    park_detail: str = ""
    park_until: datetime | None = None
    last_customer_at: datetime | None = None
    entry_point_until: datetime | None = None
    window_refused: bool = False
    """Meta itself has said that the window is closed."""
    human_agent_tag: bool = False
    template: TemplateCall | None = None
    """The template of the message, or else the channel's for closed windows."""
    template_state: TemplateState | None = None
    """None: nothing is known, and Meta decides."""
    opted_out: bool = False
    pair_wait_seconds: float = 0.0
    number_wait_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Planned:
    """The plan, and when it is to be asked again (for `later`)."""

    plan: SendPlan
    code: str
    """For `later` and `refuse`: what is said of the message."""
    until: datetime | None = None
    """None with `later`: when the channel is free again."""
    wait_seconds: float = 0.0
    """How long its pace lets it wait."""

    @property
    def goes(self) -> bool:
        """Whether it may be called now."""
        return self.plan.decision in ("free_form", "tagged", "template")


def plan(facts: Facts, table: Sequence[Rule] = TABLE) -> Planned:
    """The first row that fits decides; a message that no row knows is refused."""
    seen = _values(facts)
    for rule in table:
        if facts.channel_type in rule.channels and all(
            seen[name] in values for name, values in rule.when.items()
        ):
            return _planned(rule, facts)
    return _planned(_NO_RULE, facts)


def kind_of(body: OutgoingBody) -> Kind:
    """What kind of message a body makes."""
    extras = body.extras
    if extras is None:
        return "text"
    if extras.reaction is not None:
        return "reaction"
    if extras.template is not None:
        return "template"
    if extras.media:
        return "media"
    if extras.location is not None:
        return "location"
    return "choices" if extras.choices is not None else "text"


def window_of(facts: Facts) -> Literal["open", "closed", "unknown"]:
    """Whether the customer may be written to freely."""
    if facts.window_refused:
        return "closed"
    if facts.last_customer_at is None:
        return "unknown"
    is_open = facts.now - facts.last_customer_at < timedelta(hours=WINDOW_HOURS)
    return "open" if is_open else "closed"


def entry_point_end(referred_at: datetime, answered_at: datetime) -> datetime | None:
    """Until when messages to an ad's visitor are free of charge; None if the answer came late."""
    if answered_at - referred_at >= timedelta(hours=WINDOW_HOURS):
        return None
    return answered_at + timedelta(hours=ENTRY_POINT_HOURS)


def as_template(command: SendMessage, template: TemplateCall) -> SendMessage:
    """The same message as a template, its text in the places that ask for it."""
    parameters = [_filled(parameter, command.body.text) for parameter in template.parameters]
    call = template.model_copy(update={"parameters": parameters})
    extras = MessageExtras(
        header=None,
        footer=None,
        media=[],
        choices=None,
        template=call,
        location=None,
        reaction=None,
    )
    body = OutgoingBody(text="", citations=[], extras=extras)
    return command.model_copy(update={"body": body, "reply_to": None})


def parameter_text(text: str) -> str:
    """Plain words as Meta takes them in a parameter: one line, no tabs, no runs of spaces."""
    plain = _MARKUP.sub("", _LINK.sub(r"\1 \2", text))
    line = " ".join(plain.split())
    if len(line) <= PARAMETER_LIMIT:
        return line
    cut = line[: PARAMETER_LIMIT - 1]
    return f"{cut.rpartition(' ')[0] or cut}…"


def messaging_type(command: SendMessage) -> Literal["RESPONSE", "UPDATE"]:
    """Messenger's word for it: an answer to the customer, or news of our own accord."""
    answers = command.author == "agent" or command.turn_id is not None or command.reply_to
    return "RESPONSE" if answers else "UPDATE"


_NO_RULE = Rule("no_rule", (), {}, "refuse", "No rule of the policy table lets it go out.")


def _values(facts: Facts) -> dict[str, Value]:
    window, kind, state = window_of(facts), facts.kind, facts.template_state
    is_reengaged = window == "closed" and kind in ("text", "choices") and facts.template is not None
    age = facts.now - facts.last_customer_at if facts.last_customer_at else None
    goes_as = "template" if kind == "template" or is_reengaged else "itself"
    return {
        "channel": facts.channel_state,
        "parked": facts.parked,
        "author": facts.author,
        "kind": kind,
        "window": window,
        "goes_as": goes_as,
        "entry_point": facts.entry_point_until is not None and facts.entry_point_until > facts.now,
        "within_7_days": age is not None and age < timedelta(hours=HUMAN_AGENT_HOURS),
        "tag_granted": facts.human_agent_tag,
        "template": state.status.upper() if state else "",
        "category": state.category.upper() if state else "",
        "parameters_fit": state is None or _fits(state, facts.template),
        "opted_out": facts.opted_out,
        "pair_waits": facts.pair_wait_seconds > 0,
        "number_waits": facts.number_wait_seconds > 0,
    }


def _fits(state: TemplateState, template: TemplateCall | None) -> bool:
    if state.fits is not None:
        return state.fits
    return state.places == (len(template.parameters) if template else 0)


def _planned(rule: Rule, facts: Facts) -> Planned:
    parked, wait = rule.code == "parked", 0.0
    until = facts.park_until if parked else None
    if rule.decision == "later" and not parked:
        wait = max(facts.pair_wait_seconds, facts.number_wait_seconds)
        until = facts.now + timedelta(seconds=wait)
    template = facts.template if rule.decision == "template" else None
    made = SendPlan(
        decision=rule.decision,
        rule=rule.code,
        detail=(parked and facts.park_detail) or rule.sentence,
        policy=POLICY,
        message_tag=rule.message_tag,
        template=template.name if template else None,
    )
    return Planned(made, facts.park_code if parked else rule.code, until, wait)


def _filled(parameter: TemplateParameter, text: str) -> TemplateParameter:
    if parameter.text is None or TEXT_PLACE not in parameter.text:
        return parameter
    filled = parameter.text.replace(TEXT_PLACE, parameter_text(text))
    return parameter.model_copy(update={"text": filled[:1_024]})
