"""A tenant's budget as arithmetic: limits, steps on the way down, warnings that are due. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_UP, Decimal
from typing import Literal

from contracts.v1.models import ChatMessage, ToolDefinition
from contracts.v1.spending import BudgetRule, BudgetStanding
from llm_router.domain import BUILTIN, ChatCall, Model

Step = Literal["full", "cheaper", "builtin", "person"]
WhenSpent = Literal["builtin", "person"]

CHARACTERS_OF_A_CALL = 16
"""A message's role and marks, and the begin and end of a prompt."""
IMAGE_TOKENS_MAX = 4_000
_IMAGE_TOKENS_MAX = {"openai/gpt-4o-mini": 40_000}
"""This model's images are billed at thirty-three times the tokens."""

_TOOLS_TOKENS = 512
_REPAIR_TOKENS = 1_024
"""What a model is told of its wrong answer."""

_SMALLEST = Decimal("0.0000000001")


@dataclass(frozen=True, slots=True)
class Rule:
    """What a tenant may spend in a month; amounts in US dollars, None as in the contract."""

    monthly_usd: Decimal | None = None
    warn_percent: tuple[int, ...] = (80, 100)
    cheaper_percent: int | None = None
    cheaper_model: str | None = None
    when_spent: WhenSpent = "builtin"
    unknown_price_usd: Decimal | None = None

    @property
    def cheaper(self) -> Model | None:
        """The model that answers when money gets short."""
        return None if self.cheaper_model is None else Model.named(self.cheaper_model)

    def threshold_usd(self) -> Decimal | None:
        """From here on the cheaper model answers; None: never."""
        if self.monthly_usd is None or self.cheaper_percent is None or self.cheaper is None:
            return None
        return self.monthly_usd * self.cheaper_percent / 100


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a tenant stands in a month."""

    month: date
    spent_usd: Decimal = Decimal(0)
    reserved_usd: Decimal = Decimal(0)
    unpriced_calls: int = 0
    exhausted: bool = False
    warned: tuple[int, ...] = ()


def rule_of(told: BudgetRule) -> Rule:
    """The rule that a person wrote; the amounts as they were written."""
    return Rule(
        monthly_usd=_decimal(told.monthly_usd),
        warn_percent=tuple(sorted(set(told.warn_percent))),
        cheaper_percent=told.cheaper_percent,
        cheaper_model=None if told.cheaper_model is None else str(Model.named(told.cheaper_model)),
        when_spent=told.when_spent,
        unknown_price_usd=_decimal(told.unknown_price_usd),
    )


def contradiction(rule: Rule) -> str | None:
    """Why a rule cannot be kept."""
    if rule.cheaper_percent is not None and rule.cheaper_model is None:
        return "cheaper_percent needs a cheaper_model"
    return None


def step_of(rule: Rule, standing: Standing) -> Step:
    """Who answers now."""
    if rule.monthly_usd is None:
        return "full"
    if standing.exhausted or standing.spent_usd >= rule.monthly_usd:
        return rule.when_spent
    threshold = rule.threshold_usd()
    return "cheaper" if threshold is not None and standing.spent_usd >= threshold else "full"


def due_warnings(rule: Rule, standing: Standing) -> list[int]:
    """Shares of the budget that were passed and not yet said, the smallest first."""
    if not rule.monthly_usd:
        return []
    percent = 100 * standing.spent_usd / rule.monthly_usd
    reached = 100 if standing.exhausted else percent
    return [
        share for share in rule.warn_percent if share <= reached and share not in standing.warned
    ]


def shown(rule: Rule, standing: Standing) -> BudgetStanding:
    """Rule and standing as they are told; here alone money becomes a float."""
    return BudgetStanding(
        month=f"{standing.month:%Y-%m}",
        rule=BudgetRule(
            monthly_usd=_float(rule.monthly_usd),
            warn_percent=list(rule.warn_percent),
            cheaper_percent=rule.cheaper_percent,
            cheaper_model=rule.cheaper_model,
            when_spent=rule.when_spent,
            unknown_price_usd=_float(rule.unknown_price_usd),
        ),
        spent_usd=float(standing.spent_usd),
        reserved_usd=float(standing.reserved_usd),
        unpriced_calls=standing.unpriced_calls,
        step=step_of(rule, standing),
    )


def with_cheaper(chain: Sequence[Model], rule: Rule | None) -> list[Model]:
    """The chain with the cheaper model before the builtin answerer, if it is not in it."""
    cheaper = None if rule is None else rule.cheaper
    if rule is None or rule.monthly_usd is None or cheaper is None or cheaper in chain:
        return list(chain)
    place = next((i for i, model in enumerate(chain) if model.provider == BUILTIN), len(chain))
    return [*chain[:place], cheaper, *chain[place:]]


def tokens_at_most(texts: Iterable[str]) -> int:
    """More tokens than any tokenizer makes of these texts: each token takes at least one byte."""
    return sum(len(text.encode()) + CHARACTERS_OF_A_CALL for text in texts)


def tokens_at_most_of(call: ChatCall) -> tuple[int, int]:
    """What a call reads and writes at most; one that has to fit a schema may be repaired once."""
    read, written = prompt_tokens_at_most(call), call.reply_tokens_max
    if call.answer_schema is None:
        return read, written
    return 2 * read + written + _REPAIR_TOKENS, 2 * written


def prompt_tokens_at_most(call: ChatCall) -> int:
    """More tokens than any provider counts for the prompt of a call."""
    said = tokens_at_most(text for message in call.messages for text in _words(message))
    images = sum(len(message.images or ()) for message in call.messages)
    images *= _IMAGE_TOKENS_MAX.get(str(call.model), IMAGE_TOKENS_MAX)
    told = [text for tool in call.tools for text in _description(tool)]
    told += [call.answer_schema] if call.answer_schema else []
    return said + images + tokens_at_most(told) + (_TOOLS_TOKENS if told else 0)


def rounded_up(usd: Decimal) -> Decimal:
    """In whole ten-billionths of a dollar, never less."""
    return usd.quantize(_SMALLEST, ROUND_UP)


def _words(message: ChatMessage) -> tuple[str, ...]:
    calls = (text for call in message.tool_calls for text in (call.name, call.arguments))
    return (message.content, *calls)


def _description(tool: ToolDefinition) -> tuple[str, str, str]:
    return tool.name, tool.description, tool.parameters


def _decimal(usd: float | None) -> Decimal | None:
    return None if usd is None else Decimal(repr(usd))


def _float(usd: Decimal | None) -> float | None:
    return None if usd is None else float(usd)
