"""Which models answer for a tenant, where they are reached, and how they are doing.

llm-router owns all of it; gateway asks for people. A key is sealed by gateway before it travels, is
tried with the provider before it is kept, and is never said again.
"""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import AwareDatetime, Field

from contracts.message import Answer, Code, Part, Request, ShortText

RoutePurpose = Literal["answer", "rewrite", "summary", "judge", "embed", "transcribe"]
ProviderName = Annotated[str, Field(max_length=64, pattern=r"^[a-z0-9][a-z0-9_-]*$")]


class ModelRoute(Part):
    """The models for one purpose, in the order in which they are tried."""

    purpose: RoutePurpose = Field(description="What it is for.")
    model: ShortText | None = Field(
        description="First choice, `provider/name`; null: the tenant's, else the platform's."
    )
    canary_model: ShortText | None = Field(
        description="First choice of a share of the conversations."
    )
    canary_percent: Annotated[float, Field(ge=0, le=100)] = Field(
        description="That share; a conversation stays on its side."
    )
    fallbacks: Annotated[list[ShortText], Field(max_length=8)] | None = Field(
        description="Tried in order when the first choice fails; null: the tenant's setting."
    )
    hedge_after_milliseconds: int | None = Field(
        ge=50, le=60_000, description="Ask the next model too after this long without a word."
    )
    deadline_seconds: float | None = Field(
        gt=0, le=600, description="Longest that one model is waited for; null: the platform's."
    )


class ModelHealth(Part):
    """How a model is doing for this tenant, as far as this replica knows."""

    model: ShortText = Field(description="`provider/name`.")
    state: Literal["unknown", "working", "cooling_down", "failing"] = Field(description="How.")
    code: Code | None = Field(description="Its last failure.")
    detail: ShortText | None = Field(description="The provider's words.")
    until: AwareDatetime | None = Field(description="Until when it is passed over, UTC.")
    checked_at: AwareDatetime | None = Field(description="Its last call or probe, UTC.")
    in_flight: int = Field(ge=0, description="Calls at this moment.")


class RoutesFound(Answer):
    """All routes of a tenant, filled in, and how their models are doing."""

    routes: Annotated[list[ModelRoute], Field(max_length=16)] = Field(description="One a purpose.")
    health: Annotated[list[ModelHealth], Field(max_length=64)] = Field(
        description="Models of these routes."
    )


class GetModelRoutes(Request[RoutesFound], owner="llm-router", asked_by=("gateway",), version=1):
    """Which models answer for the tenant?"""


class KeepModelRoutes(Request[RoutesFound], owner="llm-router", asked_by=("gateway",), version=1):
    """Change routes; purposes that are not named stay. Refused with `unknown_model`."""

    routes: Annotated[list[ModelRoute], Field(min_length=1, max_length=16)] = Field(
        description="The purposes to change."
    )


class Provider(Part):
    """A tenant's own way to a provider of models."""

    provider: ProviderName = Field(description="openai, anthropic, ollama, or any of litellm's.")
    base_url: Annotated[str, Field(max_length=2_048)] | None = Field(
        description="Where it is reached; null: the platform's address."
    )
    key_ending: Annotated[str, Field(max_length=8)] | None = Field(
        description="The last characters of the key; null: no key of its own."
    )
    requests_per_minute: int | None = Field(ge=1, description="Rate limit; null: none.")
    concurrent_max: int | None = Field(ge=1, description="Calls at once; null: the platform's.")
    state: Literal["working", "failing"] = Field(description="What the last test said.")
    detail: ShortText | None = Field(description="The provider's own words, where it failed.")
    tested_at: AwareDatetime = Field(description="When it was last tested, UTC.")


class ProviderSaved(Answer):
    """A provider as it is kept now."""

    provider: Provider = Field(description="The provider.")


class ProvidersListed(Answer):
    """A tenant's own ways to providers."""

    providers: Annotated[list[Provider], Field(max_length=64)] = Field(description="By name.")


class ProviderForgotten(Answer):
    """Its key and address are gone."""

    provider: ProviderName = Field(description="Which.")


class KeepProvider(Request[ProviderSaved], owner="llm-router", asked_by=("gateway",), version=1):
    """Keep a key and an address, once a real call worked; refused with `provider_refused` (and the
    provider's words), `address_refused` or `unknown_model`.
    """

    provider: ProviderName = Field(description="Which.")
    sealed_key: Annotated[str, Field(max_length=16_384)] | None = Field(
        description="AES-256-GCM text, context `provider-key:<tenant_id>:<provider>`; null keeps."
    )
    base_url: Annotated[str, Field(max_length=2_048)] | None = Field(
        description="https address; null: the platform's."
    )
    test_model: ShortText | None = Field(
        description="Asked for one word as the test; null: the provider's list of models is."
    )
    requests_per_minute: int | None = Field(ge=1, description="Rate limit; null: none.")
    concurrent_max: int | None = Field(ge=1, description="Calls at once; null: the platform's.")


class ListProviders(Request[ProvidersListed], owner="llm-router", asked_by=("gateway",), version=1):
    """Which keys and addresses does the tenant have? Never the keys themselves."""


class TestProvider(Request[ProviderSaved], owner="llm-router", asked_by=("gateway",), version=1):
    """Test what is kept once more; refused with `not_found`."""

    provider: ProviderName = Field(description="Which.")
    test_model: ShortText | None = Field(description="As with `keep-provider`.")


class ForgetProvider(
    Request[ProviderForgotten], owner="llm-router", asked_by=("gateway",), version=1
):
    """Forget a key and an address; refused with `not_found`."""

    provider: ProviderName = Field(description="Which.")


class ModelCallStep(Part):
    """A model call as the ledger has it."""

    at: AwareDatetime = Field(description="When it ended, UTC.")
    correlation_id: UUID = Field(description="The turn it was for.")
    conversation_id: UUID | None = Field(description="The conversation it was for.")
    purpose: ShortText = Field(description="answer, rewrite, summary, query …")
    model: ShortText = Field(description="`provider/name`.")
    input_tokens: int = Field(ge=0, description="Tokens read.")
    output_tokens: int = Field(ge=0, description="Tokens written.")
    cost_usd: float | None = Field(ge=0, description="Null where the price is unknown.")
    milliseconds: int = Field(ge=0, description="Time taken.")
    outcome: Code = Field(description="answered, rate_limited, abandoned …")


class ModelCallsListed(Answer):
    """Model calls, the oldest first."""

    calls: Annotated[list[ModelCallStep], Field(max_length=200)] = Field(description="The calls.")


class ListModelCalls(
    Request[ModelCallsListed], owner="llm-router", asked_by=("gateway",), version=1
):
    """Which model calls were made for a turn, or for a conversation? The newest 200."""

    turn_id: UUID | None = Field(description="Only for this turn (`correlation_id`).")
    conversation_id: UUID | None = Field(description="Only for this conversation.")
