"""What this service does when it is asked for a reply, or hears of a tenant."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

from bus import Refused
from contracts.v1.models import GenerateReply, ReplyGenerated
from contracts.v1.tenants import TenantConfigured
from llm_router.domain import (
    Access,
    Answered,
    ChainFailed,
    ChatCall,
    Model,
    ModelFailed,
    Spend,
    chain_of,
)
from llm_router.routes import Routes
from llm_router.routing import Router
from llm_router.spending import Ledger
from llm_router.store import Store
from llm_router.streaming import MID_STREAM, Deltas, Stream
from observe import afailpoint, get_logger
from postgres import Transaction

_ANSWER_RESERVE_SECONDS = 0.1

_log = get_logger("llm-router")


@dataclass(frozen=True, slots=True)
class Defaults:
    """The platform's models, for tenants that chose none."""

    model: str
    fallbacks: tuple[str, ...]


class Handlers:
    """Load, decide, save and say."""

    def __init__(
        self,
        *,
        store: Store,
        routes: Routes,
        router: Router,
        ledger: Ledger,
        stream: Stream,
        defaults: Defaults,
    ) -> None:
        self._store = store
        self._routes = routes
        self._router = router
        self._ledger = ledger
        self._stream = stream
        self._defaults = defaults

    async def tenant_configured(self, message: TenantConfigured, tx: Transaction) -> None:
        """Keep what a tenant chose."""
        await self._store.save_tenant(tx, message)
        tx.after_commit.append(partial(self._routes.forget, message.tenant_id))

    async def generate_reply(self, request: GenerateReply) -> ReplyGenerated:
        """Answer by the first model of the chain that can; refused with a code if none can."""
        seconds = (request.deadline_at - datetime.now(UTC)).total_seconds()
        if seconds <= _ANSWER_RESERVE_SECONDS:
            raise Refused("deadline_passed", "the deadline had passed before the call began")
        deltas = Deltas(request, self._stream) if request.stream else None
        try:
            answered = await self._answer(request, seconds - _ANSWER_RESERVE_SECONDS, deltas)
        except ChainFailed as failed:
            _log.warning("no model answered", reasons=str(failed))
            raise Refused(failed.code, str(failed)) from failed
        finally:
            if deltas is not None:
                await deltas.close()
        await afailpoint(MID_STREAM)
        await self._ledger.record(_spend_of(request, answered))
        return _reply(answered)

    async def _answer(
        self, request: GenerateReply, seconds: float, deltas: Deltas | None
    ) -> Answered:
        route = await self._routes.of(request.tenant_id)
        fallbacks = route.fallback_models or self._defaults.fallbacks
        chain = chain_of(request.model, route.model, fallbacks, self._defaults.model)
        access_of = partial(self._routes.access, request.tenant_id, route)
        call = ChatCall(
            tenant_id=request.tenant_id,
            model=chain[0],
            access=Access(None, None),
            purpose=request.purpose,
            messages=request.messages,
            tools=request.tools,
            passages=request.passages,
            reply_tokens_max=request.reply_tokens_max,
            timeout_seconds=seconds,
        )
        on_words = deltas.push if deltas is not None else None
        on_failure = partial(self._note_failure, request)
        return await self._router.answer(call, chain, access_of, on_words, on_failure)

    def _note_failure(
        self, request: GenerateReply, model: Model, failure: ModelFailed, seconds: float
    ) -> None:
        _log.warning(
            "a model was passed over",
            model=str(model),
            code=failure.code,
            detail=failure.detail,
            seconds_given=round(seconds, 2),
        )
        if failure.code != "cooling_down":
            self._ledger.note(_spend_of_failure(request, model, failure))


def _reply(answered: Answered) -> ReplyGenerated:
    outcome = answered.outcome
    return ReplyGenerated(
        text=outcome.text,
        tool_calls=list(outcome.tool_calls),
        finish_reason=outcome.finish_reason,
        model=str(answered.model),
        fallback=answered.fallback,
        input_tokens=answered.input_tokens,
        output_tokens=answered.output_tokens,
        cost_usd=answered.cost_usd,
        milliseconds=answered.milliseconds,
        first_token_milliseconds=answered.first_token_milliseconds,
    )


def _spend_of(request: GenerateReply, answered: Answered) -> Spend:
    return Spend(
        tenant_id=request.tenant_id,
        correlation_id=request.correlation_id,
        conversation_id=request.conversation_id,
        purpose=request.purpose,
        model=answered.model,
        input_tokens=answered.input_tokens,
        output_tokens=answered.output_tokens,
        estimated=answered.outcome.output_tokens is None,
        cost_usd=answered.cost_usd,
        milliseconds=answered.milliseconds,
        outcome="answered",
        occurred_at=datetime.now(UTC),
    )


def _spend_of_failure(request: GenerateReply, model: Model, failure: ModelFailed) -> Spend:
    return Spend(
        tenant_id=request.tenant_id,
        correlation_id=request.correlation_id,
        conversation_id=request.conversation_id,
        purpose=request.purpose,
        model=model,
        input_tokens=0,
        output_tokens=0,
        estimated=True,
        cost_usd=None,
        milliseconds=0,
        outcome=failure.code,
        occurred_at=datetime.now(UTC),
    )
