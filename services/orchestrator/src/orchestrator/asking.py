"""The bus as a turn sees it: what nobody waits for any more is told to stop.

A run that is cut, and a call whose time is up, leave a model that goes on writing and costs money:
llm-router is told by `call-abandoned`. What a run asked models is noted, so that a run that is
thrown away still tells what it cost.
"""

import asyncio
from contextvars import ContextVar
from time import monotonic
from typing import Any, Final, TypeVar

import observe
from bus import AskFailed, AskTimeout, Bus
from contracts.message import Answer, Request
from contracts.v1.models import CallAbandoned, GenerateReply, ReplyGenerated
from orchestrator.metrics import CALLS_ABANDONED

MODEL_CALLS: Final[ContextVar[list[dict[str, Any]] | None]] = ContextVar(
    "orchestrator_model_calls", default=None
)
"""Where the run of this task notes its model calls."""

AnswerType = TypeVar("AnswerType", bound=Answer)

_log = observe.get_logger("orchestrator.asking")


class AbandoningBus:
    """Asks like the bus, and says `call-abandoned` of model calls that nobody waits for."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._saying: set[asyncio.Task[None]] = set()

    async def ask(self, request: Request[AnswerType], *, timeout_seconds: float) -> AnswerType:
        """Ask and wait; raises `AskFailed`."""
        started, outcome, answer = monotonic(), "abandoned", None
        try:
            answer = await self._bus.ask(request, timeout_seconds=timeout_seconds)
            outcome = "answered"
            return answer
        except (AskTimeout, asyncio.CancelledError):
            self._abandon(request)
            raise
        except AskFailed as error:
            outcome = error.code
            raise
        finally:
            _note(request, answer, outcome, monotonic() - started)

    async def close(self) -> None:
        """Let what is being said go out."""
        if self._saying:
            await asyncio.wait(self._saying, timeout=1.0)

    def _abandon(self, request: Request[Any]) -> None:
        if request.owner != CallAbandoned.listeners[0]:
            return
        CALLS_ABANDONED.inc()
        # A task of its own: whoever asked is being cancelled and waits for nothing.
        task = asyncio.get_running_loop().create_task(self._say(request))
        self._saying.add(task)
        task.add_done_callback(self._saying.discard)

    async def _say(self, request: Request[Any]) -> None:
        abandoned = CallAbandoned.make(
            tenant_id=request.tenant_id,
            correlation_id=request.correlation_id,
            request_id=request.message_id,
        )
        try:
            await self._bus.stream(abandoned)
        except Exception:  # noqa: BLE001 - the call ends by its own deadline then
            _log.warning("a model call could not be told to stop", exc_info=True)


def _note(request: Request[Any], answer: Answer | None, outcome: str, seconds: float) -> None:
    """Keep what a model call came to; its cost is null while it is not known."""
    calls = MODEL_CALLS.get()
    if calls is None or not isinstance(request, GenerateReply):
        return
    call: dict[str, Any] = {
        "request_id": str(request.message_id),
        "purpose": request.purpose,
        "outcome": outcome,
        "milliseconds": round(seconds * 1000, 2),
        "cost_usd": None,
    }
    if isinstance(answer, ReplyGenerated):
        call |= answer.model_dump(include={"model", "input_tokens", "output_tokens", "cost_usd"})
    calls.append(call)
