"""The runs of this process: turns under its leases, and the making of their answers.

Making can be cut from outside at any moment; the commit after it cannot, it is guarded by the
lease's epoch, the owner's number and the customer's last place.
"""

import asyncio
from collections.abc import Coroutine
from contextvars import copy_context
from dataclasses import dataclass, field
from typing import Any, TypeAlias, TypeVar
from uuid import UUID

from contracts.v1.tenants import TenantSettings
from orchestrator.asking import MODEL_CALLS
from orchestrator.domain import Leased
from orchestrator.experiments import Part
from orchestrator.metrics import Durations
from orchestrator.superseding import Cut

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Turn:
    """A turn that this worker holds the lease of."""

    leased: Leased
    settings: TenantSettings
    durations: Durations
    parts: tuple[Part, ...] = ()
    """Experiments that it takes part in."""


class RunCut(Exception):
    """The making of an answer was cut; `why` says what follows."""

    def __init__(self, why: Cut) -> None:
        super().__init__(why)
        self.why: Cut = why


@dataclass(slots=True, eq=False)
class Run:
    """One try at a turn."""

    turn: Turn
    why_cut: Cut | None = None
    model_calls: list[dict[str, Any]] = field(default_factory=list)
    _making: asyncio.Task[Any] | None = None
    _is_made: bool = False

    @property
    def is_open(self) -> bool:
        """Whether it may still be cut: its answer is not made yet."""
        return not self._is_made and self.why_cut is None

    async def make(self, work: Coroutine[Any, Any, T]) -> T:
        """Make the answer; raises `RunCut` from the moment on when `cut` is called."""
        if self.why_cut is not None:
            work.close()
            raise RunCut(self.why_cut)
        context = copy_context()
        context.run(MODEL_CALLS.set, self.model_calls)
        making = asyncio.get_running_loop().create_task(work, context=context)
        self._making = making
        try:
            return await making
        except asyncio.CancelledError:
            me, why = asyncio.current_task(), self._why()
            if why is None or (me is not None and me.cancelling()):
                raise
            raise RunCut(why) from None
        finally:
            self._is_made, self._making = True, None

    def cut(self, why: Cut) -> None:
        """End the making now; nothing happens when it is made already."""
        if not self.is_open:
            return
        self.why_cut = why
        if self._making is not None:
            self._making.cancel()

    def _why(self) -> Cut | None:
        """Return it as it is now: while the answer was made it may have been set."""
        return self.why_cut

    def record(self) -> dict[str, Any]:
        """Return what is told of a run that was thrown away, and what it cost as far as known."""
        leased = self.turn.leased
        costs = [call["cost_usd"] for call in self.model_calls]
        return {
            "attempt": leased.lease_epoch,
            "last_seq": leased.last_seq,
            "started_at": leased.leased_at.isoformat(),
            "model_calls": self.model_calls,
            "cost_usd": None if None in costs else sum(costs),
            "milliseconds": self.turn.durations.milliseconds,
        }


Runs: TypeAlias = dict[UUID, Run]
"""Conversation -> the run that this process makes for it."""
