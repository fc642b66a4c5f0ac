"""Keeps words out of a stream that nobody may see while they are written. Pure."""

from __future__ import annotations

from collections.abc import Sequence


class HeldBack:
    """Lets words through up to the first that stops them; nothing that follows is let through.

    What may be the begin of such a word waits until it is known.
    """

    def __init__(self, stop_at: Sequence[str]) -> None:
        self._stops = [stop for stop in stop_at if stop]
        self._waiting = ""
        self._stopped = False

    def take(self, words: str) -> str:
        """Return what may be shown now."""
        if self._stopped:
            return ""
        if not self._stops:
            return words
        text = self._waiting + words
        found = [place for stop in self._stops if (place := text.find(stop)) >= 0]
        if found:
            self._stopped, self._waiting = True, ""
            return text[: min(found)]
        kept = max(_begun(text, stop) for stop in self._stops)
        self._waiting = text[len(text) - kept :]
        return text[: len(text) - kept]

    def rest(self) -> str:
        """Return what waited, when nothing more comes."""
        waiting, self._waiting = self._waiting, ""
        return waiting


def _begun(text: str, stop: str) -> int:
    """How many of the last characters are the begin of a stopping word."""
    for length in range(min(len(text), len(stop) - 1), 0, -1):
        if stop.startswith(text[-length:]):
            return length
    return 0
