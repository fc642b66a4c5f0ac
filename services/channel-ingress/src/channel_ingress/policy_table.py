"""The rules by which messages go out: a dated table of rows, read from the top; no code paths.

Sources: Meta's pages on the customer-service window, message templates, the human-agent tag and
throughput, as of the table's date. A row decides when every fact that it names has one of the
values it gives; facts that it does not name do not matter. `planner.py` finds the row.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

POLICY = "2026-11-22"

Decision = Literal["free_form", "tagged", "template", "later", "refuse"]
Value: TypeAlias = str | bool

WINDOW_HOURS = 24.0
"""How long a customer may be written to freely after they wrote."""
ENTRY_POINT_HOURS = 72.0
"""How long messages are free of charge after an ad's visitor was answered within a day.
Free-form text still needs the 24-hour window."""
HUMAN_AGENT_HOURS = 7 * 24.0
"""How long a person may answer on Messenger with the human-agent tag."""
PAIR_SECONDS = 6.0
"""One message to the same person in this time …"""
PAIR_BURST = 45
"""… of which this many may be borrowed from the future."""
MESSAGES_PER_SECOND = 80
"""A number's throughput where the tenant names no other."""

REFUSED_TEMPLATES = frozenset({"PENDING", "REJECTED", "IN_APPEAL", "PENDING_DELETION", "DELETED"})


@dataclass(frozen=True, slots=True)
class Rule:
    """One row."""

    code: str
    """What decided; for `refuse` and `later` also what is said of the message."""
    channels: tuple[str, ...]
    when: Mapping[str, tuple[Value, ...]]
    """Fact -> the values that fit."""
    decision: Decision
    sentence: str
    """For a person."""
    message_tag: str | None = None


_META = ("whatsapp", "messenger")
_WORDS = ("text", "choices")

TABLE: tuple[Rule, ...] = (
    Rule("webchat", ("webchat",), {}, "free_form", "A website's visitor may always be answered."),
    Rule(
        "channel_disabled",
        _META,
        {"channel": ("disabled", "removed")},
        "refuse",
        "The channel is not served any more.",
    ),
    # A parked channel is not tried; what has to wait is asked again when it is free.
    Rule("parked", _META, {"parked": ("all",)}, "later", "The channel waits for somebody to act."),
    Rule(
        "parked",
        _META,
        {"parked": ("bots",), "author": ("bot",)},
        "later",
        "Meta limits this number: the bot is quiet for a while, people may write.",
    ),
    # Templates need no window; they need Meta's approval and the person's consent.
    Rule(
        "template_paused",
        ("whatsapp",),
        {"goes_as": ("template",), "template": ("PAUSED", "DISABLED", "LIMIT_EXCEEDED")},
        "refuse",
        "Meta has paused or disabled the template.",
    ),
    Rule(
        "template_not_approved",
        ("whatsapp",),
        {"goes_as": ("template",), "template": tuple(sorted(REFUSED_TEMPLATES))},
        "refuse",
        "Meta has not approved the template.",
    ),
    Rule(
        "template_parameters",
        ("whatsapp",),
        {"goes_as": ("template",), "parameters_fit": (False,)},
        "refuse",
        "The template needs another number of values.",
    ),
    Rule(
        "opted_out",
        ("whatsapp",),
        {"goes_as": ("template",), "category": ("MARKETING",), "opted_out": (True,)},
        "refuse",
        "This person has stopped marketing messages.",
    ),
    Rule(
        "template_unsupported",
        ("messenger",),
        {"kind": ("template",)},
        "refuse",
        "Messenger has no templates of this kind.",
    ),
    # The window is closed: what cannot go out any other way ends here.
    Rule(
        "window_closed",
        ("whatsapp",),
        {"window": ("closed",), "goes_as": ("itself",)},
        "refuse",
        "More than 24 hours have passed since the customer wrote, and the channel has no "
        "template that could go out instead.",
    ),
    Rule(
        "window_closed",
        ("messenger",),
        {"window": ("closed",), "author": ("bot", "system")},
        "refuse",
        "More than 24 hours have passed since the customer wrote; only people may answer later.",
    ),
    Rule(
        "window_closed",
        ("messenger",),
        {"window": ("closed",), "within_7_days": (False,)},
        "refuse",
        "More than 7 days have passed since the customer wrote.",
    ),
    Rule(
        "window_closed",
        ("messenger",),
        {"window": ("closed",), "tag_granted": (False,)},
        "refuse",
        "More than 24 hours have passed since the customer wrote, and Meta has not granted the "
        "human-agent tag.",
    ),
    Rule(
        "window_closed",
        ("messenger",),
        {
            "window": ("closed",),
            "kind": ("choices", "media", "location", "reaction", "template"),
        },
        "refuse",
        "More than 24 hours have passed since the customer wrote; the human-agent tag is for "
        "text only.",
    ),
    # It may go out, but not yet.
    Rule(
        "pair_rate_limited",
        ("whatsapp",),
        {"pair_waits": (True,)},
        "later",
        "One message each 6 seconds may go to the same person, 45 at once.",
    ),
    Rule(
        "rate_limited",
        _META,
        {"number_waits": (True,)},
        "later",
        "The number's throughput is used up for the moment.",
    ),
    # It goes out now.
    Rule(
        "template_free_entry_point",
        ("whatsapp",),
        {"kind": ("template",), "entry_point": (True,)},
        "template",
        "A template, free of charge: the customer came by an ad less than 72 hours ago.",
    ),
    Rule("template", ("whatsapp",), {"kind": ("template",)}, "template", "It is a template."),
    Rule(
        "reengagement_template",
        ("whatsapp",),
        {"goes_as": ("template",)},
        "template",
        "More than 24 hours have passed since the customer wrote: the channel's template goes out "
        "instead.",
    ),
    Rule(
        "human_agent",
        ("messenger",),
        {
            "window": ("closed",),
            "author": ("agent",),
            "kind": ("text",),
            "within_7_days": (True,),
            "tag_granted": (True,),
        },
        "tagged",
        "A person answers within 7 days.",
        message_tag="HUMAN_AGENT",
    ),
    Rule(
        "window_open",
        _META,
        {"window": ("open",)},
        "free_form",
        "The customer wrote less than 24 hours ago.",
    ),
    Rule(
        "window_unknown",
        _META,
        {"window": ("unknown",)},
        "free_form",
        "We do not know when the customer wrote last: Meta decides.",
    ),
)
