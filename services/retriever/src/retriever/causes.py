"""Why a search gave nothing, and what to do. Pure."""

from dataclasses import dataclass

from contracts.v1.knowledge import Cause
from retriever.domain import Reason
from retriever.index_types import Scope


@dataclass(frozen=True)
class Nothing:
    """Why there are no passages: for programs (`reason` knows only three words), and for people."""

    cause: Cause
    detail: str
    reason: Reason


@dataclass(frozen=True)
class Looked:
    """What the search did before it gave nothing."""

    candidates: int
    threshold: str
    models_not_searched: tuple[str, ...] = ()
    model_refused: bool = False


def why_nothing(scope: Scope, looked: Looked) -> Nothing:
    """The first thing that somebody could change."""
    if not scope.documents and not scope.any_version:
        return Nothing("no_documents", "There are no documents. Upload one.", "no_documents")
    if not scope.documents:
        detail = "No document is ready yet. Look at its stage; a failed one says what to do."
        return Nothing("none_ready", detail, "none_ready")
    if not scope.documents_searched or not scope.passages:
        return _all_left_out(scope)
    if looked.model_refused:
        models = ", ".join(looked.models_not_searched)
        detail = (
            f"The passages have vectors of {models}, which cannot be asked any more, and no words "
            "are shared. Make the model available, or reindex the documents with the tenant's."
        )
        return Nothing("index_version", detail[:512], "below_threshold")
    if not looked.candidates:
        detail = "No passage shares a word with the question"
        if looked.models_not_searched:
            detail += ", and meanings could not be compared: the embedding model is away. Ask again"
        return Nothing("no_match", detail + ". Ask in other words.", "below_threshold")
    detail = (
        f"{looked.candidates} passages were found, none near enough ({looked.threshold}). Ask in "
        "other words, add a document about it, or lower minimum_similarity."
    )
    return Nothing("below_threshold", detail[:512], "below_threshold")


def _all_left_out(scope: Scope) -> Nothing:
    if scope.documents_filtered:
        detail = (
            f"The filter leaves out all {scope.documents_filtered} documents that could answer. "
            "Loosen it, or tag the documents."
        )
        return Nothing("filtered", detail, "below_threshold")
    if scope.documents_expired:
        detail = (
            f"{scope.documents_expired} documents have expired. Move their expiry dates, or "
            "replace them."
        )
        return Nothing("expired", detail, "none_ready")
    if scope.documents_disabled:
        detail = f"{scope.documents_disabled} documents are disabled. Enable one."
        return Nothing("disabled", detail, "none_ready")
    detail = "The documents that are ready hold no passages. Upload one with text."
    return Nothing("none_ready", detail, "none_ready")
