"""Other settings than the tenant's own, laid over them for a trial. Pure."""

import json
from dataclasses import dataclass
from typing import Any, Final

from pydantic import ValidationError

from contracts.v1.knowledge import SearchTuning
from contracts.v1.tenants import TenantSettings

_TUNED: Final = ("fusion", "keyword_weight", "vector_weight", "reranker", "expansion")
_WITHOUT_EFFECT: Final = frozenset(
    {
        "embedding_model",
        "fallback_models",
        "chunk_tokens",
        "chunk_overlap_tokens",
        "chunking",
        "minimum_similarity",
        "quota_documents",
        "quota_bytes",
        "quota_passages",
    }
)
"""What is decided before a question is asked, or not in this service."""


class InvalidOverrides(ValueError):
    """Overrides that are no settings, or would change nothing; the sentence is for a person."""


@dataclass(frozen=True, slots=True)
class TriedSettings:
    """A tenant's settings with others on top, and what travels with each question."""

    settings: TenantSettings
    model: str | None = None
    tuning: SearchTuning | None = None


def tried_settings(own: TenantSettings, overrides: str | None) -> TriedSettings:
    """Lay overrides (a JSON object, as the API takes settings) over a tenant's own settings."""
    changes = _read(overrides)
    idle = sorted(_WITHOUT_EFFECT & changes.keys())
    if idle:
        names = ", ".join(idle)
        raise InvalidOverrides(f"These settings change nothing in a trial: {names}.")
    try:
        settings = TenantSettings.model_validate({**own.model_dump(), **changes})
    except ValidationError as error:
        wrong = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in wrong["loc"])
        raise InvalidOverrides(f"{place}: {wrong['msg']}") from error
    return TriedSettings(settings, changes.get("model"), _tuning(changes))


def _read(overrides: str | None) -> dict[str, Any]:
    try:
        changes = json.loads(overrides or "{}")
    except (ValueError, RecursionError) as error:
        raise InvalidOverrides("The settings are not JSON.") from error
    if not isinstance(changes, dict):
        raise InvalidOverrides("The settings must be a JSON object.")
    return changes


def _tuning(changes: dict[str, Any]) -> SearchTuning | None:
    tuned = {name: changes[name] for name in _TUNED if name in changes}
    if not tuned:
        return None
    return SearchTuning.model_validate({**dict.fromkeys(SearchTuning.model_fields), **tuned})
