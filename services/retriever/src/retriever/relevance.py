"""Which passages speak of what was asked. Pure.

A passage stays if its vector is near enough to the question's, which is a property of the model, or
if it holds enough of the question's rare words.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from retriever.fusion import Candidate
from retriever.smoothing import cosines

COSINE_FLOORS: Mapping[str, float] = {"builtin/minilm": 0.2}
"""Similarity below which a passage speaks of something else, measured for each model (README).

For a model that is not in the table the floor is measured in the tenant's own index
(`floor_of_unrelated`); until that is done it has none: a guessed number would only hide passages.
"""

COVERAGE_FLOOR = 0.4
"""Share of the question's idf that words alone must bring for a passage under the floor."""

UNRELATED_QUANTILE = 0.5
"""The floor of an unknown model: what half of all pairs of unrelated passages stay under."""

PAIRS_MIN = 500

FloorSource = Literal["tenant", "measured", "calibrated", "none", "off"]


@dataclass(frozen=True)
class Floor:
    """The similarity that a passage of one model has to reach; None: there is none."""

    similarity: float | None
    source: FloorSource

    def describe(self, model: str) -> str:
        """For the record."""
        if self.similarity is None:
            return f"{model} none"
        return f"{model} {self.similarity:.3f} ({self.source})"


@dataclass(frozen=True)
class Threshold:
    """The rule as one search applied it; without floors nothing is cut."""

    floors: Mapping[str, Floor] = field(default_factory=dict)

    @cached_property
    def cuts(self) -> bool:
        """Whether any passage can be cut."""
        return any(floor.similarity is not None for floor in self.floors.values())

    def passes(self, candidate: Candidate) -> bool:
        """Whether this passage is near enough in meaning, or shares enough rare words."""
        if not self.cuts or (candidate.coverage or 0.0) >= COVERAGE_FLOOR:
            return True
        if candidate.model is None:
            return False
        floor = self.floors.get(candidate.model)
        if floor is None or floor.similarity is None:
            return True
        return (candidate.vector_score or 0.0) >= floor.similarity

    def describe(self) -> str:
        """For the record."""
        if not self.cuts:
            return "none"
        floors = ", ".join(floor.describe(model) for model, floor in self.floors.items())
        return f"cosine {floors}; or {COVERAGE_FLOOR:.0%} of the question's idf"[:512]


def floor_of(
    model: str, minimum_similarity: float | None, calibrated: float | None = None
) -> Floor:
    """The tenant's own floor, else the one measured for the model, else the index's own."""
    if minimum_similarity is not None:
        return Floor(minimum_similarity, "tenant")
    if model in COSINE_FLOORS:
        return Floor(COSINE_FLOORS[model], "measured")
    if calibrated is not None:
        return Floor(calibrated, "calibrated")
    return Floor(None, "none")


def floor_of_unrelated(vectors: NDArray[np.float32], documents: Sequence[object]) -> float | None:
    """How alike unrelated passages are in this model: the median over pairs of documents.

    None when the sample has too few pairs to tell.
    """
    if len(vectors) < 2:
        return None
    norms = np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    unit = vectors / norms
    numbers = {document: number for number, document in enumerate(dict.fromkeys(documents))}
    owners = np.array([numbers[document] for document in documents])
    one, other = np.triu_indices(len(unit), 1)
    unrelated = owners[one] != owners[other]
    if int(unrelated.sum()) < PAIRS_MIN:
        return None
    similarities = cosines(unit, unit)[one[unrelated], other[unrelated]]
    return float(np.quantile(similarities, UNRELATED_QUANTILE))
