"""The seam between routing and money: each model of a chain is paid for before it is called."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Protocol
from uuid import UUID

from llm_router.domain import ChatCall


@dataclass(frozen=True, slots=True)
class Reservation:
    """What is held of a tenant's budget for one call; its ledger row gets the same id."""

    reservation_id: UUID
    month: date
    usd: Decimal


class Purse(Protocol):
    """The money of one request. Every call that began ends in the ledger or in `failed`, once."""

    async def reserve(self, call: ChatCall) -> Reservation | None:
        """Hold what `call.model` may cost at most; None where nothing has to be held.

        Raises ModelFailed `over_budget` where it does not fit; then the next model is asked.
        """
        ...

    def failed(
        self,
        call: ChatCall,
        held: Reservation | None,
        code: str,
        written: str | None,
        billed: tuple[int, int] | None = None,
    ) -> None:
        """The call gave no answer that is used: it failed, was cut, lost a race or was abandoned.

        `written` are the words that came before that; None where nothing was streamed. `billed`
        are tokens read and written that are paid all the same. Never waits, so that it can be told
        while a task is being cancelled.
        """
        ...
