"""Asks models whose cooldown is over in the background, so that no customer has to try them.

Only models that a tenant's call wanted in the last minutes are asked, each by one probe at a time.
"""

from __future__ import annotations

import asyncio
from uuid import UUID

from contracts.v1.shapes import PLATFORM
from llm_router import metrics
from llm_router.cooldowns import Cooldowns
from llm_router.domain import BUILTIN, Access, Model, ModelFailed
from llm_router.tiny_calls import TinyCalls, shows_life
from observe import get_logger

WANTED_WITHIN_SECONDS = 600.0
_PROBE_SECONDS_MAX = 15.0
_AT_ONCE_MAX = 8

_log = get_logger("llm-router")


class Prober:
    """The background task of one process."""

    def __init__(self, cooldowns: Cooldowns, calls: TinyCalls, every_seconds: float) -> None:
        self._cooldowns = cooldowns
        self._calls = calls
        self._every_seconds = every_seconds
        self._asking: set[Model] = set()

    async def follow(self) -> None:
        """Look again and again."""
        while True:
            await asyncio.sleep(self._every_seconds)
            await self.round()

    async def round(self) -> None:
        """Ask each model that may be asked again for one word."""
        due: dict[Model, tuple[Access, UUID]] = {}
        for model, access, tenant_id in self._cooldowns.to_probe(WANTED_WITHIN_SECONDS):
            if model.provider != BUILTIN and model not in self._asking:
                due.setdefault(model, (access, tenant_id if access.own else PLATFORM))
        some = list(due.items())[:_AT_ONCE_MAX]
        self._asking.update(model for model, _ in some)
        try:
            await asyncio.gather(*(self._probe(model, *way) for model, way in some))
        finally:
            self._asking.difference_update(model for model, _ in some)

    async def _probe(self, model: Model, access: Access, tenant_id: UUID) -> None:
        outcome, failure = "answered", None
        with self._cooldowns.call(model, access):
            try:
                async with asyncio.timeout(_PROBE_SECONDS_MAX):
                    await self._calls.say(tenant_id, model, access, "probe", _PROBE_SECONDS_MAX)
            except TimeoutError:
                failure = ModelFailed("timeout", f"no answer in {_PROBE_SECONDS_MAX:.0f} s")
            except ModelFailed as failed:
                failure = None if shows_life(failed) else failed
            except Exception as error:  # noqa: BLE001 - said in the log; the next round goes on
                _log.exception("a probe failed in a way it should not", model=str(model))
                failure = ModelFailed("overloaded", f"{type(error).__name__}: {error}")
            if failure is None:
                self._cooldowns.succeeded(model, access)
            else:
                outcome = failure.code
                self._cooldowns.failed(model, access, failure)
        metrics.PROBES.labels(metrics.label_of(model), outcome).inc()
        _log.info("a model was probed", model=str(model), outcome=outcome)
