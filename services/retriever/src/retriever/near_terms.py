"""Which terms of a vocabulary resemble a misspelt one. Pure."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def near(term: str, vocabulary: Sequence[str], distance_max: int) -> list[tuple[str, int]]:
    """Terms within an edit distance (a swap of neighbours is one edit), each with it."""
    close = [one for one in vocabulary if one and abs(len(one) - len(term)) <= distance_max]
    if not close or not term:
        return []
    found = distances(term, close)
    return [
        (one, distance)
        for one, distance in zip(close, found.tolist(), strict=True)
        if distance <= distance_max
    ]


def distances(term: str, others: Sequence[str]) -> NDArray[np.int64]:
    """Edit distances to many terms at once: one step of the table for all of them."""
    width = max(len(other) for other in others)
    letters = np.array(others, dtype=f"<U{width}").view("<u4").reshape(len(others), width)
    ends = np.array([len(other) for other in others])
    columns = np.arange(width + 1)
    before_last: NDArray[np.int64] = np.zeros((len(others), width + 1), np.int64)
    last: NDArray[np.int64] = np.tile(columns, (len(others), 1)).astype(np.int64)
    for row, letter in enumerate(map(ord, term), start=1):
        now = np.empty_like(last)
        now[:, 0] = row
        same = letters == letter
        for column in range(1, width + 1):
            changed = last[:, column - 1] + ~same[:, column - 1]
            now[:, column] = np.minimum(
                np.minimum(last[:, column], now[:, column - 1]) + 1, changed
            )
            if row > 1 and column > 1:
                swapped = same[:, column - 2] & (letters[:, column - 1] == ord(term[row - 2]))
                now[:, column] = np.where(
                    swapped,
                    np.minimum(now[:, column], before_last[:, column - 2] + 1),
                    now[:, column],
                )
        before_last, last = last, now
    found: NDArray[np.int64] = last[np.arange(len(others)), ends]
    return found
