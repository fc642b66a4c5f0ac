"""`builtin/neighbours`: passages that stand among good passages gain, outliers lose. Pure.

Score regularisation over the best candidates: a passage's score moves towards the mean of the
passages nearest to it in meaning. It needs only their stored vectors, no model (README: measured).
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from retriever.candidate_vectors import StoredVector

SMOOTHED = 50
"""The best candidates; those behind keep their order."""

_NEIGHBOURS = 10
_SHARPNESS = 6
_SHARE = 0.4
_FEWEST = 3


def smoothed(
    keys: Sequence[int], scores: Sequence[float], vectors: Mapping[int, StoredVector]
) -> list[float]:
    """New scores from 0 to 1 for these candidates, in the same order."""
    own = spread(np.asarray(scores, np.float64))
    if len(keys) < _FEWEST:
        return [float(score) for score in own]
    alike = _alikeness(keys, vectors)
    kept = min(_NEIGHBOURS, len(keys) - 1)
    lowest = np.sort(alike, axis=1)[:, -kept][:, None]
    near = np.where(alike >= lowest, alike, 0.0) ** _SHARPNESS
    whole = near.sum(axis=1)
    around = np.divide(np.einsum("ij,j->i", near, own), whole, out=own.copy(), where=whole > 0)
    return [float(score) for score in spread((1 - _SHARE) * own + _SHARE * around)]


def _alikeness(keys: Sequence[int], vectors: Mapping[int, StoredVector]) -> NDArray[np.float64]:
    """Positive cosines between passages of the same model; nothing is like itself."""
    alike = np.zeros((len(keys), len(keys)))
    places: dict[tuple[str, int], list[int]] = {}
    for place, key in enumerate(keys):
        vector = vectors.get(key)
        if vector is not None:
            places.setdefault((vector.model, len(vector.values)), []).append(place)
    for group in places.values():
        matrix = np.stack([vectors[keys[place]].values for place in group])
        alike[np.ix_(group, group)] = np.maximum(cosines(matrix, matrix), 0.0)
    np.fill_diagonal(alike, 0.0)
    return alike


def cosines(one: NDArray[np.float32], other: NDArray[np.float32]) -> NDArray[np.float32]:
    """Of the rows of two matrices of unit vectors.

    Not `@`: for matrices as small as these its threads wait for each other longer than they
    compute, 12 ms instead of 0.1 on a busy machine.
    """
    found: NDArray[np.float32] = np.einsum("id,jd->ij", one, other)
    return found


def spread(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """0 for the lowest, 1 for the highest; all 1 when they do not differ."""
    if not len(scores):
        return scores
    low, high = scores.min(), scores.max()
    return (scores - low) / (high - low) if high > low else np.ones_like(scores)
