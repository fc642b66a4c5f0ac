"""How much one sender may have on its way at once: the others wait for nobody."""

import asyncio
from weakref import WeakValueDictionary


class Turns:
    """So many at once of each sender."""

    def __init__(self, of_sender: int) -> None:
        self._of_sender = of_sender
        self._senders: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()

    def of(self, sender: str) -> asyncio.Semaphore:
        """`async with turns.of(tenant): …`."""
        turn = self._senders.get(sender)
        if turn is None:
            turn = self._senders[sender] = asyncio.Semaphore(self._of_sender)
        return turn
