"""BM25 over the segments of one search: true idf, mean lengths of what is searched. Pure.

The score of a passage is a sum over terms in the question's order, whatever segment holds the
passage, so that merging segments changes no score by even a bit.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retriever.domain import KeywordHit
from retriever.segment import Floats, Ints, Postings

SATURATION = 1.2
LENGTH_WEIGHT = 0.75

_BLOCK = 64
_BLOCKS_OF_LIMIT = 2


@dataclass(frozen=True)
class Searched:
    """The passages of all segments of a search, numbered one after another."""

    keys: Ints
    norms: Floats
    """What a frequency is compared with: the longer the passage, the more."""
    visible: NDArray[np.bool_] | None
    """None: all of them."""


@dataclass(frozen=True)
class Weighed:
    """A term of the question with its postings over all segments."""

    postings: Postings
    weight: float
    share: float
    """Of the idf of the question, for coverage."""


def idf(passages: int, holding: int) -> float:
    """How rare a term is: 0 for one that all hold would be harsh, so it stays above it."""
    return math.log(1 + (passages - holding + 0.5) / (holding + 0.5))


def norms(lengths: Ints, mean_length: float) -> Floats:
    """Of passages of these lengths, in terms."""
    return np.asarray(
        SATURATION * (1 - LENGTH_WEIGHT + LENGTH_WEIGHT / mean_length * lengths), np.float64
    )


def holding(postings: Postings, visible: NDArray[np.bool_] | None) -> int:
    """How many visible passages hold a term."""
    if visible is None:
        return len(postings.places)
    return int(np.count_nonzero(visible[postings.places]))


def best(searched: Searched, terms: Sequence[Weighed], limit: int) -> list[KeywordHit]:
    """The passages with the highest scores; equal ones by key."""
    scores = np.zeros(len(searched.keys))
    for term in terms:
        places, frequencies = term.postings
        parts = searched.norms[places]
        parts += frequencies
        np.divide(frequencies, parts, out=parts)
        parts *= term.weight * (SATURATION + 1)
        scores[places] += parts
    if searched.visible is not None:
        scores[~searched.visible] = 0.0
    found = _highest(scores, limit)
    order = np.lexsort((searched.keys[found], -scores[found]))[:limit]
    found = found[order]
    shares = _coverage(found, terms)
    columns = searched.keys[found].tolist(), scores[found].tolist(), shares.tolist()
    return list(map(KeywordHit._make, zip(*columns, strict=True)))


def _highest(scores: Floats, limit: int) -> Ints:
    """Places of the `limit` highest scores above 0, and of all that equal the last of them.

    The `limit`-th highest of the blocks' maxima is at most the `limit`-th highest score.
    """
    if len(scores) <= limit:
        return np.flatnonzero(scores > 0)
    if len(scores) > _BLOCK * _BLOCKS_OF_LIMIT * limit:
        whole = len(scores) // _BLOCK * _BLOCK
        maxima = np.concatenate((scores[:whole].reshape(-1, _BLOCK).max(axis=1), scores[whole:]))
    else:
        maxima = scores
    floor = float(np.partition(maxima, len(maxima) - limit)[len(maxima) - limit])
    return np.flatnonzero(scores >= floor) if floor > 0 else np.flatnonzero(scores > 0)


def _coverage(found: Ints, terms: Sequence[Weighed]) -> Floats:
    shares = np.zeros(len(found))
    for term in terms:
        places = term.postings.places
        if len(places):
            at = np.minimum(np.searchsorted(places, found), len(places) - 1)
            shares[places[at] == found] += term.share
    return shares
