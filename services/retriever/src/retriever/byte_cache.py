"""What was read lately, up to so many bytes; only for what never changes. Pure."""

from collections import OrderedDict
from collections.abc import Hashable
from typing import Any


class ByteCache:
    """The least recently used goes first when there is too much."""

    def __init__(self, bytes_max: int) -> None:
        self._bytes_max = bytes_max
        self._held: OrderedDict[Hashable, tuple[Any, int]] = OrderedDict()
        self.bytes_held = 0

    def get(self, key: Hashable) -> Any:
        """What was put, or None."""
        held = self._held.get(key)
        if held is None:
            return None
        self._held.move_to_end(key)
        return held[0]

    def put(self, key: Hashable, value: Any, nbytes: int) -> None:
        """Keep it as long as there is room; what is larger than everything is not kept."""
        self.drop(key)
        if nbytes > self._bytes_max:
            return
        self._held[key] = (value, nbytes)
        self.bytes_held += nbytes
        while self.bytes_held > self._bytes_max:
            _, (_, freed) = self._held.popitem(last=False)
            self.bytes_held -= freed

    def drop(self, key: Hashable) -> None:
        """Forget it."""
        held = self._held.pop(key, None)
        if held is not None:
            self.bytes_held -= held[1]
