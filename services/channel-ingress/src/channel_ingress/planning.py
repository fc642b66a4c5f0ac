"""Gathers the facts about a send and has it planned."""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol

from channel_ingress.action_table import Fallback
from channel_ingress.pacing import NumberPace, pair_cost_seconds, pair_wait_seconds
from channel_ingress.planner import (
    Facts,
    Planned,
    TemplateState,
    as_template,
    kind_of,
    plan,
    window_of,
)
from channel_ingress.rendering import Part, render
from channel_ingress.send_store import Grounds
from channel_ingress.store import SendingChannel
from contracts.v1.sending import SendMessage
from contracts.v1.shapes import SendPlan, TemplateCall
from postgres import Transaction


class TemplateBook(Protocol):
    """Knows the account's templates."""

    async def template_state(
        self, tx: Transaction, channel: SendingChannel, template: TemplateCall
    ) -> TemplateState | None:
        """What is known of a template; None when nothing is."""
        ...


class Consent(Protocol):
    """Knows who has stopped marketing messages, and how people are reached."""

    async def has_opted_out(self, tx: Transaction, command: SendMessage) -> bool:
        """Whether the person whom a send is for has."""
        ...

    async def opt_out(
        self, tx: Transaction, command: SendMessage, channel: SendingChannel | None
    ) -> None:
        """They have: the provider says so."""
        ...

    async def address_of(self, tx: Transaction, command: SendMessage, grounds: Grounds) -> str:
        """Whom the provider is to send it to."""
        ...


class Planning:
    """Plans one send at a time, in the transaction that keeps the plan."""

    def __init__(self, pace: NumberPace, templates: TemplateBook, consent: Consent) -> None:
        self._pace, self._templates, self._consent = pace, templates, consent

    async def plan(
        self,
        tx: Transaction,
        command: SendMessage,
        channel: SendingChannel,
        grounds: Grounds,
        *,
        part: int,
        part_count: int,
        fallback: Fallback | None = None,
    ) -> Planned:
        """How it goes out; the number's throughput is taken only by what goes."""
        facts = _facts(command, channel, grounds, part, part_count, fallback)
        if facts.kind == "template" or (facts.template and window_of(facts) == "closed"):
            facts = await self._with_template(tx, command, channel, facts)
        planned = plan(facts)
        if not planned.goes:
            return planned
        calls = 1 if planned.plan.decision == "template" else part_count - part
        wait = self._pace.take(channel, calls)
        return plan(replace(facts, number_wait_seconds=wait)) if wait else planned

    def give_back(self, channel: SendingChannel, calls: int) -> None:
        """What was planned to go does not go yet."""
        self._pace.give_back(channel, calls)

    async def _with_template(
        self, tx: Transaction, command: SendMessage, channel: SendingChannel, facts: Facts
    ) -> Facts:
        state = None
        if facts.template is not None:
            state = await self._templates.template_state(tx, channel, facts.template)
        opted_out = False
        if state is not None and state.category.upper() == "MARKETING":
            opted_out = await self._consent.has_opted_out(tx, command)
        return replace(facts, template_state=state, opted_out=opted_out)


def outgoing(command: SendMessage, channel: SendingChannel, plan: SendPlan | None) -> SendMessage:
    """What is really sent: the message, or the channel's template with its text."""
    template = channel.choices.reengagement_template if channel.choices else None
    if plan is None or plan.decision != "template" or template is None:
        return command
    return command if kind_of(command.body) == "template" else as_template(command, template)


def parts_of(
    command: SendMessage, channel: SendingChannel, plan: SendPlan | None = None
) -> list[Part]:
    """A send's parts, each of them one call; the same each time. CannotRender says why not."""
    sent = outgoing(command, channel, plan)
    return render(
        sent.body,
        sent.channel_type,
        platform=channel.choices.platform if channel.choices else None,
        reply_to=sent.reply_to,
    )


def _facts(
    command: SendMessage,
    channel: SendingChannel,
    grounds: Grounds,
    part: int,
    part_count: int,
    fallback: Fallback | None,
) -> Facts:
    choices, extras = channel.choices, command.body.extras
    own = extras.template if extras else None
    # A message of which a part has gone out already cannot go again as a template.
    instead = choices.reengagement_template if choices and part == 0 else None
    cost = pair_cost_seconds(command.channel_type, part_count - part)
    return Facts(
        channel_type=command.channel_type,
        author=command.author,
        kind=kind_of(command.body),
        now=grounds.now,
        channel_state=channel.state,
        parked="" if grounds.park_code is None else "bots" if grounds.park_bots_only else "all",
        park_code=grounds.park_code or "",
        park_detail=grounds.park_detail or "",
        park_until=grounds.park_until,
        last_customer_at=grounds.last_customer_at,
        entry_point_until=grounds.entry_point_until,
        window_refused=fallback == "template",
        human_agent_tag=choices.human_agent_tag if choices else False,
        template=own or (instead if command.channel_type == "whatsapp" else None),
        pair_wait_seconds=pair_wait_seconds(grounds.paced_until, grounds.now, cost),
    )
