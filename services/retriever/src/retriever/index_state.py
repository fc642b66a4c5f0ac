"""The state of a tenant's index at one revision, and what of it a search may see. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from retriever.bm25 import Searched, norms
from retriever.index_types import ModelGroup, NearTerm
from retriever.segment import Ints, Roll


@dataclass(frozen=True)
class VersionGroup:
    """Live versions that are alike in everything a search asks of them."""

    configuration: str
    model: str
    dimensions: int
    enabled: bool
    expires: float | None
    """Unix time, in seconds."""
    rows_left: bool
    """Some of their words are still rows (of the version before this one)."""
    documents: int
    passages: int
    terms: int
    versions: Ints

    def is_visible(self, now: float) -> bool:
        """Whether a search that begins at `now` may see them."""
        return self.enabled and not self.is_expired(now)

    def is_expired(self, now: float) -> bool:
        """Whether their time is over."""
        return self.expires is not None and self.expires <= now


@dataclass(frozen=True)
class OpenSegment:
    """A segment whose passages are known; its pages are read when they are asked for."""

    segment_id: int
    configuration: str
    roll: Roll
    first_terms: Sequence[str]


@dataclass(frozen=True)
class IndexState:
    """What answers: the same for everybody who sees this revision and layout."""

    revision: int | None
    layout: int | None
    groups: tuple[VersionGroup, ...]
    segment_ids: tuple[int, ...]
    views: dict[tuple[int, ...], "Seen"] = field(default_factory=dict)
    """What was made of it for searches without a filter, by the visible groups."""


@dataclass(frozen=True)
class Statistics:
    """Of the passages in one language's configuration that a search sees."""

    passages: int
    mean_length: float


@dataclass(frozen=True)
class Seen:
    """The versions one search may see, and the segments that hold their words."""

    revision: int | None
    layout: int | None
    groups: tuple[VersionGroup, ...]
    allowed: Ints
    """Version ids, ascending."""
    hidden: Ints
    """Live versions that this search may not see."""
    filtered: bool
    segments: tuple[OpenSegment, ...]
    statistics: dict[str, Statistics]
    searched: Searched
    """The passages of the segments, one after another."""
    bases: Sequence[int]
    """Where the passages of each segment begin."""
    rows: Ints
    """Versions some of whose words are still rows."""
    near: dict[tuple[str, str, int], Sequence[NearTerm]] = field(default_factory=dict)
    """What was found near words that nobody wrote, by configuration, word and edit distance."""


def statistics_of(groups: Sequence[VersionGroup]) -> dict[str, Statistics]:
    """Passages and mean length, by configuration."""
    found = {}
    for configuration in sorted({group.configuration for group in groups}):
        own = [group for group in groups if group.configuration == configuration]
        passages = sum(group.passages for group in own)
        terms = sum(group.terms for group in own)
        found[configuration] = Statistics(passages, max(1.0, terms / max(1, passages)))
    return found


def model_groups(groups: Sequence[VersionGroup]) -> tuple[ModelGroup, ...]:
    """Passages by the model of their vectors, the most frequent first."""
    passages: dict[tuple[str, int], int] = {}
    for group in groups:
        key = group.model, group.dimensions
        passages[key] = passages.get(key, 0) + group.passages
    return tuple(
        ModelGroup(model, dimensions, count)
        for (model, dimensions), count in sorted(
            passages.items(), key=lambda entry: (-entry[1], entry[0])
        )
        if count > 0
    )


def versions_of(groups: Sequence[VersionGroup]) -> Ints:
    """Their ids, ascending."""
    parts = [group.versions for group in groups]
    return np.sort(np.concatenate(parts)) if parts else np.zeros(0, np.int64)


def see(
    state: IndexState,
    groups: Sequence[VersionGroup],
    segments: Sequence[OpenSegment],
    *,
    filtered: bool,
) -> Seen:
    """What a search may see that may see these groups (of the state, or let through a filter)."""
    allowed = versions_of(groups)
    statistics = statistics_of(groups)
    used = [(segment, _visible(segment.roll, allowed)) for segment in segments]
    used = [(segment, visible) for segment, visible in used if visible is None or visible.any()]
    used = [entry for entry in used if entry[0].configuration in statistics]
    counts = [len(segment.roll) for segment, _ in used]
    return Seen(
        revision=state.revision,
        layout=state.layout,
        groups=tuple(groups),
        allowed=allowed,
        hidden=np.setdiff1d(versions_of(state.groups), allowed, assume_unique=True),
        filtered=filtered,
        segments=tuple(segment for segment, _ in used),
        statistics=statistics,
        searched=_searched(used, statistics),
        bases=[int(base) for base in np.cumsum([0, *counts[:-1]])] if counts else [],
        rows=versions_of([group for group in groups if group.rows_left]),
    )


def _searched(
    used: Sequence[tuple[OpenSegment, NDArray[np.bool_] | None]],
    statistics: dict[str, Statistics],
) -> Searched:
    if not used:
        return Searched(np.zeros(0, np.int64), np.zeros(0), None)
    masks = [
        np.ones(len(segment.roll), np.bool_) if visible is None else visible
        for segment, visible in used
    ]
    all_visible = all(visible is None for _, visible in used)
    return Searched(
        keys=np.concatenate([segment.roll.keys for segment, _ in used]),
        norms=np.concatenate(
            [
                norms(segment.roll.lengths, statistics[segment.configuration].mean_length)
                for segment, _ in used
            ]
        ),
        visible=None if all_visible else np.concatenate(masks),
    )


def _visible(roll: Roll, allowed: Ints) -> NDArray[np.bool_] | None:
    """Which passages of a segment may be seen; None: all."""
    at = np.minimum(np.searchsorted(allowed, roll.run_versions), max(0, len(allowed) - 1))
    runs = (
        allowed[at] == roll.run_versions
        if len(allowed)
        else np.zeros(len(roll.run_versions), np.bool_)
    )
    return None if runs.all() else np.repeat(runs, roll.run_counts)
