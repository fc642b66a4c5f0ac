"""Rows of the index as what they mean, and a filter as parameters. Pure."""

import json
from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Any
from uuid import UUID

import numpy as np

from contracts.v1.knowledge import SearchFilter
from retriever.domain import VectorHit
from retriever.index_state import IndexState, Seen, VersionGroup, model_groups
from retriever.index_types import (
    QuestionTerm,
    Scope,
    StoredPassage,
    TenantSearch,
    VectorSearch,
)

_CHOICES = tuple(one.name for one in fields(TenantSearch))


def conditions_of(only: SearchFilter | None) -> list[object] | None:
    """The filter's parameters of `read_state`; None when it asks nothing."""
    if only is None:
        return None
    named = {entry.name: entry.value for entry in only.metadata or ()}
    conditions: list[object] = [
        only.document_ids,
        only.kinds,
        only.tags_any,
        only.tags_all,
        json.dumps(named) if only.metadata else None,
        [language.lower() for language in only.languages] if only.languages else None,
    ]
    return [one or None for one in conditions] if any(conditions) else None


def groups_of(rows: Sequence[Any]) -> tuple[VersionGroup, ...]:
    """Versions in groups that are alike."""
    return tuple(
        VersionGroup(
            configuration=row["configuration"],
            model=row["embedding_model"],
            dimensions=row["dimensions"],
            enabled=row["enabled"],
            expires=row["expires"],
            rows_left=row["rows_left"],
            documents=row["documents"],
            passages=row["passages"],
            terms=row["terms"],
            versions=np.frombuffer(row["versions"], ">i8").astype(np.int64),
        )
        for row in rows
        if row["configuration"] is not None
    )


def scope_of(tenant_id: UUID, state: IndexState, seen: Seen, opened: Any) -> Scope:
    """What a search may see, with the counts that explain it."""
    now = opened["now"]
    documents = sum(group.documents for group in state.groups)
    disabled = sum(group.documents for group in state.groups if not group.enabled)
    expired = sum(
        group.documents for group in state.groups if group.enabled and group.is_expired(now)
    )
    searched = sum(group.documents for group in seen.groups)
    return Scope(
        tenant_id=tenant_id,
        revision=state.revision,
        any_version=opened["any_version"],
        documents=documents,
        documents_searched=searched,
        documents_disabled=disabled,
        documents_expired=expired,
        documents_filtered=documents - disabled - expired - searched,
        passages=sum(group.passages for group in seen.groups),
        groups=model_groups(seen.groups),
        terms=_terms(opened, seen),
        settings=_settings(opened),
        seen=seen,
    )


def _terms(opened: Any, seen: Seen) -> tuple[QuestionTerm, ...]:
    words: dict[tuple[str, str], str] = {}
    for configuration, word, lexeme in zip(
        opened["word_configurations"] or (),
        opened["words"] or (),
        opened["word_lexemes"] or (),
        strict=True,
    ):
        words.setdefault((configuration, lexeme), word)
    asked = zip(
        opened["configurations"] or (),
        opened["lexemes"] or (),
        opened["times"] or (),
        strict=True,
    )
    return tuple(
        QuestionTerm(words.get((configuration, term), term), term, configuration, times)
        for configuration, term, times in asked
        if configuration in seen.statistics
    )


def _settings(opened: Any) -> TenantSearch:
    if opened["keyword_weight"] is None:
        return TenantSearch()
    chosen = json.loads(opened["search"] or "{}")
    return replace(
        TenantSearch(opened["keyword_weight"], opened["vector_weight"]),
        **{name: chosen[name] for name in _CHOICES if name in chosen},
    )


def vector_search_of(row: Any, method: str) -> VectorSearch:
    """The vector leg."""
    hits = zip(row["keys"] or (), row["similarities"] or (), strict=True)
    return VectorSearch(row["revision"], tuple(VectorHit(key, near) for key, near in hits), method)


def passage_of(row: Any) -> StoredPassage:
    """A live passage."""
    return StoredPassage(
        key=row["passage_key"],
        passage_id=row["passage_id"],
        document_id=row["document_id"],
        document_version=row["document_version"],
        version_id=row["version_id"],
        title=row["title"],
        ordinal=row["ordinal"],
        page=row["page"],
        heading=row["heading"],
        text=row["text"],
        start_offset=row["start_offset"],
        end_offset=row["end_offset"],
        token_count=row["token_count"],
        parent_start=row["parent_start"],
        parent_end=row["parent_end"],
        document_kind=row["document_kind"],
        source_url=row["source_url"],
        revision=row["revision"],
    )
