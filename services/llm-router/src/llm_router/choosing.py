"""Which models a call tries: the tenant's route for the purpose, filled in. Pure.

A conversation (or the seed of the request) falls on one side of a canary by its hash and stays
there; with a larger share those who are on the canary's side already stay on it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Literal, get_args

from contracts.v1.model_routes import ModelRoute, RoutePurpose
from llm_router.domain import BUILTIN, Model, chain_of
from llm_router.own_providers import KeptProvider

Variant = Literal["primary", "canary"]
PURPOSES: tuple[RoutePurpose, ...] = get_args(RoutePurpose)
CHAT_PURPOSES = frozenset({"answer", "rewrite", "summary", "judge"})
_BUCKETS = 10_000


@dataclass(frozen=True, slots=True)
class Choices:
    """What a tenant's settings or the platform name where a route names nothing."""

    model: str
    fallbacks: tuple[str, ...]
    embedding_model: str
    transcription_model: str | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """The models to try in order, and how long each is waited for."""

    chain: tuple[Model, ...]
    variant: Variant | None = None
    hedge_after_seconds: float | None = None
    call_seconds_max: float | None = None


@dataclass(frozen=True, slots=True)
class KeptRoutes:
    """The routes that a tenant keeps, by purpose; a null in one is filled from elsewhere."""

    by_purpose: Mapping[str, ModelRoute] = field(default_factory=dict)

    def filled(self, purpose: RoutePurpose, choices: Choices) -> ModelRoute:
        """The route for a purpose with its models named.

        Other purposes of chat take what `answer` has where they name nothing themselves; vectors
        of two models do not compare, so that `embed` has one model and no other.
        """
        kept = self.by_purpose.get(purpose) or _empty(purpose)
        if purpose == "embed":
            return kept.model_copy(
                update={"model": kept.model or choices.embedding_model, "fallbacks": []}
            )
        if purpose == "transcribe":
            model = kept.model or choices.transcription_model
            return kept.model_copy(update={"model": model, "fallbacks": kept.fallbacks or []})
        model, fallbacks = choices.model, list(choices.fallbacks)
        answer = self.by_purpose.get("answer")
        if answer is not None:
            model = answer.model or model
            fallbacks = fallbacks if answer.fallbacks is None else list(answer.fallbacks)
        return kept.model_copy(
            update={
                "model": kept.model or model,
                "fallbacks": fallbacks if kept.fallbacks is None else kept.fallbacks,
            }
        )

    def plan(self, purpose: RoutePurpose, choices: Choices, asked: str | None, seed: str) -> Plan:
        """The chain of a chat; a model that the request names is tried first, without a canary."""
        route = self.filled(purpose, choices)
        first, variant = asked, None
        fallbacks = list(route.fallbacks or ())
        if asked is None:
            variant = variant_of(route, seed)
            first = route.model
            if variant == "canary":
                first = route.canary_model
                fallbacks.insert(0, route.model or choices.model)
        hedge = route.hedge_after_milliseconds
        return Plan(
            chain=tuple(chain_of(first, None, fallbacks, choices.model)),
            variant=variant,
            hedge_after_seconds=None if hedge is None else hedge / 1000,
            call_seconds_max=route.deadline_seconds,
        )

    def changed(self, routes: list[ModelRoute]) -> KeptRoutes:
        """These routes with some replaced."""
        return replace(self, by_purpose={**self.by_purpose, **{r.purpose: r for r in routes}})

    def all_filled(self, choices: Choices) -> list[ModelRoute]:
        """Every purpose, as a person is shown it."""
        return [self.filled(purpose, choices) for purpose in PURPOSES]


@dataclass(frozen=True, slots=True)
class TenantRoute:
    """What a tenant chose; None and empty mean the platform's default."""

    model: str | None = None
    fallback_models: tuple[str, ...] = ()
    embedding_model: str | None = None
    routes: KeptRoutes = field(default_factory=KeptRoutes)
    providers: Mapping[str, KeptProvider] = field(default_factory=dict)
    is_known: bool = True
    """False: it could not be read, so that nobody knows to whom the tenant lets its words go."""

    def choices(self, platform: Choices) -> Choices:
        """What stands in where a route names nothing: the tenant's settings, else the platform."""
        return Choices(
            self.model or platform.model,
            self.fallback_models or platform.fallbacks,
            self.embedding_model or platform.embedding_model,
            platform.transcription_model,
        )


def variant_of(route: ModelRoute, seed: str) -> Variant:
    """The side of the canary on which a conversation falls."""
    if route.canary_model is None or route.canary_percent <= 0:
        return "primary"
    digest = sha256(f"{route.canary_model}\0{seed}".encode()).digest()
    bucket = int.from_bytes(digest[:8], "big") % _BUCKETS
    return "canary" if bucket < route.canary_percent * _BUCKETS / 100 else "primary"


def models_of(routes: list[ModelRoute]) -> list[Model]:
    """Every model that these routes name, each once."""
    names = [
        name
        for route in routes
        for name in (route.model, route.canary_model, *(route.fallbacks or ()))
        if name
    ]
    return list(dict.fromkeys(Model.named(name) for name in names))


def complaint(route: ModelRoute) -> str | None:
    """Why a route makes no sense, for a person; None if it does."""
    if route.canary_percent > 0 and route.canary_model is None:
        return f"{route.purpose}: canary_percent needs a canary_model"
    if route.purpose == "embed" and (route.canary_model or route.fallbacks):
        return "embed: vectors of two models do not compare, so it has neither canary nor fallbacks"
    if route.purpose not in CHAT_PURPOSES and route.hedge_after_milliseconds is not None:
        return f"{route.purpose}: only chats are hedged"
    if route.purpose == "transcribe" and route.canary_model is not None:
        return "transcribe: there is no canary for recordings"
    return None


def unknown_models(routes: list[ModelRoute], providers: frozenset[str]) -> list[str]:
    """Names that no provider can stand for, and why, for a person."""
    wrong = []
    for model in models_of(routes):
        if model.provider not in providers:
            wrong.append(f"{model}: there is no provider {model.provider}")
        elif not model.name or "://" in model.name:
            wrong.append(f"{model}: not the name of a model")
        elif model.provider == BUILTIN and model.name not in {"extractive", "minilm"}:
            wrong.append(f"{model}: there are builtin/extractive and builtin/minilm")
    return wrong


def _empty(purpose: RoutePurpose) -> ModelRoute:
    return ModelRoute(
        purpose=purpose,
        model=None,
        canary_model=None,
        canary_percent=0,
        fallbacks=None,
        hedge_after_milliseconds=None,
        deadline_seconds=None,
    )
