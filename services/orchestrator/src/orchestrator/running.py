"""What handlers need of whoever works on turns."""

from typing import Protocol
from uuid import UUID

from orchestrator.runs import Turn
from postgres import Transaction


class Running(Protocol):
    """Whoever works on conversations that have something to answer."""

    @property
    def room(self) -> int:
        """How many more turns would begin at once."""
        ...

    def wake(self, tenant_id: UUID, conversation_id: UUID, delay_seconds: float = 0.0) -> None:
        """Look at the conversation now, or after the delay."""
        ...

    async def begin(self, tx: Transaction, tenant_id: UUID, conversation_id: UUID) -> Turn | None:
        """Take the lease in this transaction."""
        ...

    def start(self, turn: Turn) -> None:
        """Work on a turn whose lease was just committed."""
        ...
