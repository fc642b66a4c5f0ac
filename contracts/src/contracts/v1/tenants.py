"""Configuration: gateway owns it, everybody else keeps the columns it uses.

1. Somebody changes a tenant or a channel through the API: `tenant-configured`,
   `channel-configured`, each with the whole state and a rising revision.
2. A service whose database is empty says `repeat-configuration`; gateway says all of it again.
"""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from contracts.message import Command, Event, Part, ShortText, Slug
from contracts.v1.documents import ChunkingRule
from contracts.v1.shapes import ChannelType, ExternalId, TemplateCall


class OpenHours(Part):
    """A time in the week when people are there."""

    weekday: int = Field(ge=0, le=6, description="0 is Monday.")
    opens: Annotated[str, Field(max_length=5, pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")] = Field(
        description="Local time, `09:00`."
    )
    closes: Annotated[
        str, Field(max_length=5, pattern=r"^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$")
    ] = Field(description="Local time, later on the same day; `24:00` is midnight.")


class BusinessHours(Part):
    """When people are there; without any hours, always."""

    timezone: Annotated[str, Field(max_length=64)] = Field(description="IANA, `Europe/Zagreb`.")
    hours: Annotated[list[OpenHours], Field(max_length=50)] = Field(description="The week.")
    closed_on: Annotated[
        list[Annotated[str, Field(max_length=10, pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$")]],
        Field(max_length=100),
    ] = Field(description="Days on which nobody is there, local dates.")


class TenantSettings(Part):
    """What a tenant may choose; absent choices are filled by gateway before they are said."""

    bot_name: ShortText = Field(description="Name the bot answers under.")
    system_prompt: Annotated[str, Field(max_length=16_384)] = Field(
        description="The tenant's own instructions to the model."
    )
    language: Annotated[str, Field(max_length=16)] = Field(description="BCP 47, e.g. en, hr.")
    rag_enabled: bool = Field(description="Whether answers may use the tenant's documents.")
    model: ShortText | None = Field(description="Model route, null for the platform's default.")
    fallback_models: Annotated[list[ShortText], Field(max_length=8)] = Field(
        description="Tried in order when the model fails."
    )
    embedding_model: ShortText | None = Field(description="Null for the platform's default.")
    handoff_keywords: Annotated[list[ShortText], Field(max_length=100)] = Field(
        description="Words that bring a person, matched as whole words without case."
    )
    handoff_reply: Annotated[str, Field(max_length=2_000)] = Field(
        description="What the customer reads when a person takes over."
    )
    failure_reply: Annotated[str, Field(max_length=2_000)] = Field(
        description="The one polite text when no model could answer."
    )
    coalesce_milliseconds: int = Field(
        ge=0, le=10_000, description="How long a turn waits for more messages of a burst."
    )
    history_messages_max: int = Field(ge=0, le=100, description="Messages kept in the prompt.")
    prompt_tokens_max: int = Field(ge=500, le=200_000, description="Budget of the whole prompt.")
    reply_tokens_max: int = Field(ge=16, le=16_384, description="Longest answer.")
    keyword_weight: float = Field(ge=0, le=1, description="Weight of keyword search in fusion.")
    vector_weight: float = Field(ge=0, le=1, description="Weight of vector search in fusion.")
    passages_max: int = Field(ge=1, le=20, description="Passages given to the model.")
    chunk_tokens: int = Field(ge=32, le=2_048, description="Target size of a passage.")
    chunk_overlap_tokens: int = Field(ge=0, le=512, description="Overlap of neighbours.")
    chunking: ChunkingRule | None = Field(
        None, description="How documents are split; null: headings, with the two lengths above."
    )
    fusion: Literal["weighted", "rrf"] | None = Field(
        None, description="How keyword and vector lists become one; null is weighted."
    )
    reranker: ShortText | None = Field(
        None,
        description="`none`, `builtin/neighbours`, `builtin/maxsim` or `provider/model`; null is "
        "`builtin/neighbours`, which costs no model call.",
    )
    expansion: Literal["none", "neighbours", "parent"] | None = Field(
        None, description="What a found passage is read with; null: its parent if it has one."
    )
    minimum_similarity: float | None = Field(
        None, ge=-1, le=1, description="Null: the floor that was measured for the model."
    )
    rewrite_questions: bool | None = Field(
        None, description="Whether follow-up questions are completed from the conversation first."
    )
    multi_query: bool | None = Field(
        None, description="Whether long questions are also searched part by part."
    )
    instructions: Annotated[str, Field(max_length=16_384)] | None = Field(
        None, description="What the bot should do and leave, after the system prompt."
    )
    grounding: Literal["strict", "open"] | None = Field(
        None, description="strict: only what documents say; null is open."
    )
    low_confidence: Literal["answer", "disclaim", "hand_over"] | None = Field(
        None, description="What happens to an answer below the threshold; null is answer."
    )
    confidence_minimum: float | None = Field(
        None, ge=0, le=1, description="The threshold; null: the platform's."
    )
    disclaimer: Annotated[str, Field(max_length=1_000)] | None = Field(
        None, description="Said with an answer that is not sure; null: a sentence by language."
    )
    on_failure: Literal["apologise", "hand_over"] | None = Field(
        None, description="When no model could answer; null is apologise."
    )
    handoff_after_misses: int | None = Field(
        None,
        ge=1,
        le=20,
        description="Hand over after so many answers in a row that found nothing.",
    )
    coalesce_ceiling_milliseconds: int | None = Field(
        None,
        ge=0,
        le=60_000,
        description="Longest that a burst is waited for; null: six times the"
        " waiting time, 10 s at most.",
    )
    supersede: bool | None = Field(
        None,
        description="Whether a new message restarts an answer that is being written; null is yes.",
    )
    summarise_history: bool | None = Field(
        None, description="Whether what no longer fits into the prompt is summed up; null is yes."
    )
    link_hosts: Annotated[list[ShortText], Field(max_length=100)] | None = Field(
        None,
        description="Hosts that answers may link to and show images of, beside those of the "
        "tenant's own web pages and curated answers; `*.example.org` for all below.",
    )
    tools: Annotated[list[ShortText], Field(max_length=64)] | None = Field(
        None, description="Built-in tools that the bot is offered; null: all."
    )
    business_hours: BusinessHours | None = Field(None, description="Null: always open.")
    away_reply: Annotated[str, Field(max_length=2_000)] | None = Field(
        None, description="Said instead of the handoff's words while nobody is there."
    )
    away_mode: Literal["bot", "away"] | None = Field(
        None,
        description="Whether the bot answers outside business hours, or only the away reply; "
        "null is bot.",
    )
    inactivity_minutes: int | None = Field(
        None, ge=1, le=525_600, description="Resolve after so long without a word; null: never."
    )
    unanswered_alarm_minutes: int | None = Field(
        None, ge=1, le=10_080, description="Alarm when a customer waits so long; null: 15."
    )
    ask_for_rating: bool | None = Field(
        None, description="Whether the customer is asked how content they are, at the end."
    )
    rating_question: Annotated[str, Field(max_length=1_000)] | None = Field(
        None, description="How they are asked; null: a sentence by language."
    )
    language_replies: Annotated[str, Field(max_length=32_768)] | None = Field(
        None,
        description="JSON object: language to {handoff_reply, failure_reply, away_reply, "
        "rating_question, handoff_keywords}; what is absent is the tenant's.",
    )
    quota_documents: int | None = Field(None, ge=0, description="Null: the platform's default.")
    quota_bytes: int | None = Field(None, ge=0, description="Null: the platform's default.")
    quota_passages: int | None = Field(None, ge=0, description="Null: the platform's default.")


class TenantConfigured(
    Event,
    owner="gateway",
    heard_by=(
        "channel-ingress",
        "orchestrator",
        "rag-indexer",
        "retriever",
        "llm-router",
    ),
    version=1,
    public="tenant.updated",
):
    """A tenant was created or changed; this is all of it."""

    revision: int = Field(ge=1, description="Rises with each change; older ones are ignored.")
    slug: Slug = Field(description="Immutable short name, used in public routing keys.")
    name: ShortText = Field(description="Display name.")
    state: Literal["active", "suspended", "removed"] = Field(description="Whether it is served.")
    settings: TenantSettings = Field(description="Every setting, filled in.")


class ChannelChoices(Part):
    """What a tenant chose for a channel, beside its credentials."""

    business_account_id: ExternalId | None = Field(
        description="WhatsApp Business Account id, which owns the templates."
    )
    app_id: ShortText | None = Field(
        description="Our Meta app's id: an echo with another one is somebody else's."
    )
    platform: Literal["facebook", "instagram"] | None = Field(
        description="What a Messenger channel stands on; null is facebook."
    )
    reengagement_template: TemplateCall | None = Field(
        description="Goes out instead of text when the customer-service window is closed; "
        "`{{text}}` in a parameter becomes the text."
    )
    human_agent_tag: bool = Field(
        description="Whether Meta granted the 7-day tag for text written by people."
    )
    messages_per_second: int | None = Field(
        ge=1, le=1_000, description="The number's throughput; null is 80."
    )
    silence_alarm_hours: int | None = Field(
        ge=1, le=720, description="Alarm after this long without an event; null: its own rhythm."
    )


class ChannelConfigured(
    Event, owner="gateway", heard_by=("channel-ingress", "orchestrator"), version=1
):
    """A channel was created or changed; credentials travel sealed and are stored sealed."""

    revision: int = Field(ge=1, description="Rises with each change; older ones are ignored.")
    channel_id: UUID = Field(description="The channel.")
    channel_type: ChannelType = Field(description="Which adapter serves it.")
    name: ShortText = Field(description="Display name.")
    state: Literal["active", "disabled", "removed"] = Field(description="Whether it is served.")
    external_id: ExternalId = Field(
        description="phone_number_id, page id, or the public widget key."
    )
    sealed_credentials: Annotated[str, Field(max_length=16_384)] | None = Field(
        description="AES-256-GCM text of a JSON object (access_token, app_secret, app_id); "
        "context `channel:<tenant_id>:<channel_id>`."
    )
    choices: ChannelChoices | None = Field(None, description="The tenant's choices for it.")


class RepeatConfiguration(
    Command,
    owner="gateway",
    said_by=(
        "channel-ingress",
        "orchestrator",
        "rag-indexer",
        "retriever",
        "llm-router",
        "webhook-dispatcher",
    ),
    version=1,
):
    """A service with an empty database asks for every tenant and channel again."""

    service: ShortText = Field(description="Who asks.")
