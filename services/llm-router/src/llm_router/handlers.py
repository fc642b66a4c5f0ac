"""What this service does when it is asked for a reply, or hears of a tenant."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial

from bus import Refused
from contracts.v1.model_routes import RoutePurpose
from contracts.v1.models import GenerateReply, ReplyGenerated
from contracts.v1.tenants import TenantConfigured
from llm_router.choosing import Choices
from llm_router.domain import Access, Answered, ChainFailed, ChatCall
from llm_router.images import PromptImages
from llm_router.in_flight import InFlight
from llm_router.purses import RequestPurse
from llm_router.routes import Routes
from llm_router.routing import Router
from llm_router.spending import Ledger
from llm_router.store import Store
from llm_router.streaming import MID_STREAM, Deltas, Stream
from observe import afailpoint, get_logger
from postgres import Transaction

_ANSWER_RESERVE_SECONDS = 0.1
_TRIES_MAX = 16

PurseOf = Callable[[GenerateReply], RequestPurse]

_log = get_logger("llm-router")


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
        purse_of: PurseOf,
        choices: Choices,
        in_flight: InFlight | None = None,
        images: PromptImages | None = None,
    ) -> None:
        self._store = store
        self._routes = routes
        self._router = router
        self._ledger = ledger
        self._stream = stream
        self._purse_of = purse_of
        self._choices = choices
        self._in_flight = in_flight or InFlight()
        self._images = images or PromptImages(None)

    async def tenant_configured(self, message: TenantConfigured, tx: Transaction) -> None:
        """Keep what a tenant chose."""
        await self._store.save_tenant(tx, message)
        tx.after_commit.append(partial(self._routes.forget, message.tenant_id))

    async def generate_reply(self, request: GenerateReply) -> ReplyGenerated:
        """Answer by the first model of the chain that can; refused with a code if none can."""
        seconds = (request.deadline_at - datetime.now(UTC)).total_seconds()
        if seconds <= _ANSWER_RESERVE_SECONDS:
            raise Refused("deadline_passed", "the deadline had passed before the call began")
        purse = self._purse_of(request)
        answered: Answered | None = None
        left = seconds - _ANSWER_RESERVE_SECONDS
        try:
            async with self._in_flight.held(request), self._deltas(request) as deltas:
                answered = await self._answer(request, left, deltas, purse)
        except ChainFailed as failed:
            if purse.hands_over:
                raise Refused("budget_exhausted", str(failed)) from failed
            _log.warning("no model answered", reasons=str(failed))
            raise Refused(failed.code, str(failed), failed.retry_after_seconds) from failed
        except BaseException:
            # Abandoned while its last words went out: it is paid for all the same.
            if answered is not None:
                self._ledger.note(purse.spend_of(answered))
            raise
        await afailpoint(MID_STREAM)
        await self._ledger.record(purse.spend_of(answered))
        return _reply(answered, purse)

    @asynccontextmanager
    async def _deltas(self, request: GenerateReply) -> AsyncIterator[Deltas | None]:
        """Where words go while they are written; nothing more once the call is abandoned."""
        if request.stream is None:
            yield None
            return
        deltas = Deltas(request, self._stream)
        try:
            yield deltas
        except asyncio.CancelledError:
            await deltas.cancel()
            raise
        except BaseException:
            await deltas.close()
            raise
        await deltas.close()

    async def _answer(
        self,
        request: GenerateReply,
        seconds: float,
        deltas: Deltas | None,
        purse: RequestPurse,
    ) -> Answered:
        route = await self._routes.of(request.tenant_id)
        seed = request.seed or str(request.conversation_id or request.correlation_id)
        choices = route.choices(self._choices)
        plan = route.routes.plan(_route_purpose(request), choices, request.model, seed)
        plan = replace(plan, chain=purse.chain(plan.chain))
        call = ChatCall(
            tenant_id=request.tenant_id,
            model=plan.chain[0],
            access=Access(None, None),
            purpose=request.purpose,
            messages=request.messages,
            tools=request.tools,
            passages=request.passages,
            reply_tokens_max=request.reply_tokens_max,
            timeout_seconds=seconds,
            answer_schema=request.answer_schema,
            pictures=await self._images.of(request.messages),
        )
        access_of = partial(self._routes.access, request.tenant_id, route)
        on_words = deltas.push if deltas is not None else None
        return await self._router.answer(call, plan, access_of, on_words, purse)


def _route_purpose(request: GenerateReply) -> RoutePurpose:
    """Judging has a route of its own; everything else goes by what it is for."""
    return "judge" if request.spent_for == "judge" else request.purpose


def _reply(answered: Answered, purse: RequestPurse) -> ReplyGenerated:
    outcome = answered.outcome
    return ReplyGenerated(
        text=outcome.text,
        tool_calls=list(outcome.tool_calls),
        finish_reason=outcome.finish_reason,
        model=str(answered.model)[:512],
        fallback=answered.fallback,
        input_tokens=answered.input_tokens,
        output_tokens=answered.output_tokens,
        cost_usd=None if answered.cost_usd is None else float(answered.cost_usd),
        milliseconds=answered.milliseconds,
        first_token_milliseconds=answered.first_token_milliseconds,
        cached_tokens=outcome.cached_tokens,
        tokens_estimated=outcome.estimated or outcome.output_tokens is None,
        tries=list(answered.tries[-_TRIES_MAX:]),
        variant=answered.variant,
        budget_step=purse.step(answered.model),
    )
