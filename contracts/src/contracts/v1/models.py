"""Every model call goes through llm-router: replies, embeddings, and what they cost."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import AwareDatetime, Field

from contracts.message import Answer, Code, Event, Part, Request, Sha256, ShortText, Stream
from contracts.v1.shapes import ExternalId


class PromptImage(Part):
    """An image that the prompt shows; its bytes are in our storage."""

    sha256: Sha256 = Field(description="Hash of the bytes in our storage.")
    mime_type: ShortText = Field(description="image/jpeg, image/png, image/webp or image/gif.")


class ToolCall(Part):
    """The model wants a tool."""

    call_id: ShortText = Field(description="The model's id of the call.")
    name: ShortText = Field(description="Which tool.")
    arguments: Annotated[str, Field(max_length=32_768)] = Field(
        description="JSON text as the model wrote it; not yet checked."
    )


class ChatMessage(Part):
    """One message of the prompt."""

    role: Literal["system", "user", "assistant", "tool"] = Field(description="Who speaks.")
    content: Annotated[str, Field(max_length=100_000)] = Field(description="The words.")
    tool_calls: Annotated[list[ToolCall], Field(max_length=16)] = Field(
        description="Tools the assistant asked for."
    )
    tool_call_id: ShortText | None = Field(description="Which call a tool message answers.")
    images: Annotated[list[PromptImage], Field(max_length=8)] | None = Field(
        None, description="Shown to models that can see; the others read of it in the words."
    )


class ToolDefinition(Part):
    """A tool that the model may ask for."""

    name: Annotated[str, Field(max_length=64, pattern=r"^[a-z0-9_]+$")] = Field(
        description="Its name."
    )
    description: Annotated[str, Field(max_length=2_000)] = Field(description="When to use it.")
    parameters: Annotated[str, Field(max_length=16_384)] = Field(
        description="JSON Schema of its arguments, as JSON text."
    )


class GivenPassage(Part):
    """A passage that the prompt shows under [number]."""

    number: int = Field(ge=1, le=99, description="The [n] to cite.")
    title: ShortText = Field(description="The document's title.")
    text: Annotated[str, Field(max_length=16_384)] = Field(description="Its words.")


class StreamTarget(Part):
    """Where the words go while they are written."""

    channel_id: UUID = Field(description="The web channel.")
    visitor_id: ExternalId = Field(description="The visitor.")
    turn_id: UUID = Field(description="The turn.")
    attempt: int = Field(ge=1, description="The lease's epoch.")
    stop_at: Annotated[list[ShortText], Field(max_length=8)] | None = Field(
        None, description="Words that are never shown while they are written, nor what follows."
    )


class ModelTry(Part):
    """One model that was called, or passed over, on the way to an answer."""

    model: ShortText = Field(description="`provider/name`.")
    outcome: Code = Field(description="answered, rate_limited, cooling_down, over_budget …")
    detail: ShortText = Field(description="The provider's own words, where it failed.")
    milliseconds: int = Field(ge=0, description="Time it took.")


class ReplyGenerated(Answer):
    """What a model said."""

    text: Annotated[str, Field(max_length=100_000)] = Field(description="Markdown.")
    tool_calls: Annotated[list[ToolCall], Field(max_length=16)] = Field(
        description="Tools it wants first."
    )
    finish_reason: Literal["stop", "length", "tool_calls", "content_filter"] = Field(
        description="Unified over providers."
    )
    model: ShortText = Field(description="The model that answered, `provider/name`.")
    fallback: bool = Field(description="Whether an earlier choice failed.")
    input_tokens: int = Field(ge=0, description="Tokens read.")
    output_tokens: int = Field(ge=0, description="Tokens written.")
    cost_usd: float | None = Field(ge=0, description="Null where the price is unknown.")
    milliseconds: int = Field(ge=0, description="Time taken.")
    first_token_milliseconds: int | None = Field(ge=0, description="Until the first word.")
    cached_tokens: int | None = Field(
        None, ge=0, description="Of the tokens read, those that the provider had kept."
    )
    tokens_estimated: bool | None = Field(
        None, description="Whether we counted, because the provider did not say."
    )
    tries: Annotated[list[ModelTry], Field(max_length=16)] | None = Field(
        None, description="Every model that was tried, in order."
    )
    variant: Literal["primary", "canary"] | None = Field(
        None, description="Which of the route's first choices the conversation belongs to."
    )
    budget_step: Literal["full", "cheaper", "builtin"] | None = Field(
        None, description="How far the tenant's budget had stepped down."
    )


class GenerateReply(
    Request[ReplyGenerated], owner="llm-router", asked_by=("orchestrator",), version=1
):
    """Write the next message. The prompt's passages are given apart, so that a model that only
    extracts can read them without parsing the prompt.

    Refused with `budget_exhausted` where the tenant wants a person instead of the builtin answerer.
    """

    purpose: Literal["answer", "rewrite", "summary"] = Field(description="What it is for.")
    conversation_id: UUID | None = Field(description="For the spend ledger.")
    model: ShortText | None = Field(description="`provider/name`; null for the tenant's route.")
    messages: Annotated[list[ChatMessage], Field(min_length=1, max_length=200)] = Field(
        description="The prompt in order."
    )
    tools: Annotated[list[ToolDefinition], Field(max_length=32)] = Field(
        description="Tools it may ask for."
    )
    passages: Annotated[list[GivenPassage], Field(max_length=20)] = Field(
        description="Passages that the prompt contains."
    )
    reply_tokens_max: int = Field(ge=1, le=16_384, description="Longest answer.")
    deadline_at: AwareDatetime = Field(description="After this nobody waits any more, UTC.")
    stream: StreamTarget | None = Field(description="Where words go while they are written.")
    answer_schema: Annotated[str, Field(max_length=16_384)] | None = Field(
        None, description="JSON Schema, as JSON text, that the answer's text has to fit."
    )
    spent_for: Code | None = Field(
        None, description="What the ledger notes instead of the purpose: judge, replay, shadow …"
    )
    seed: ShortText | None = Field(
        None, description="Chooses between the route's first choices; null is the conversation."
    )


class CallAbandoned(
    Stream, owner="orchestrator", heard_by=("llm-router",), version=1, to_each_replica=True
):
    """Nobody waits for a model call any more: stop it, it costs money."""

    request_id: UUID = Field(description="`message_id` of the request.")


class AudioTranscribed(Answer):
    """What was said in a recording."""

    text: Annotated[str, Field(max_length=65_536)] = Field(description="The words.")
    language: Annotated[str, Field(max_length=16)] | None = Field(
        description="BCP 47, where the model says it."
    )
    model: ShortText = Field(description="The model that listened, `provider/name`.")
    seconds: float | None = Field(ge=0, description="Length of the recording, where it is known.")
    cost_usd: float | None = Field(ge=0, description="Null where the price is unknown.")
    milliseconds: int = Field(ge=0, description="Time taken.")


class TranscribeAudio(
    Request[AudioTranscribed], owner="llm-router", asked_by=("orchestrator",), version=1
):
    """Write down a voice note; refused with `unknown_model` where no model can listen."""

    conversation_id: UUID | None = Field(description="For the spend ledger.")
    sha256: Sha256 = Field(description="Hash of the recording in our storage.")
    mime_type: ShortText = Field(description="audio/ogg, audio/mpeg …")
    size_bytes: int = Field(ge=1, description="Size of the recording.")
    language: Annotated[str, Field(max_length=16)] | None = Field(
        description="BCP 47, where the conversation's language is known."
    )
    deadline_at: AwareDatetime = Field(description="After this nobody waits any more, UTC.")


class TextsEmbedded(Answer):
    """One vector a text, in the same order."""

    model: ShortText = Field(description="The model of the vectors, `provider/name`.")
    dimensions: int = Field(ge=1, le=4_000, description="Length of each vector.")
    vectors: Annotated[
        list[Annotated[str, Field(max_length=32_768)]], Field(min_length=1, max_length=64)
    ] = Field(description="Little-endian float32 values, base64; unit length.")
    tokens: int = Field(ge=0, description="Tokens read.")
    cost_usd: float | None = Field(ge=0, description="Null where the price is unknown.")


class EmbedTexts(
    Request[TextsEmbedded],
    owner="llm-router",
    asked_by=("rag-indexer", "retriever", "orchestrator"),
    version=1,
):
    """Turn texts into vectors."""

    purpose: Literal["passage", "query"] = Field(description="Models may treat them differently.")
    model: ShortText | None = Field(description="Null for the tenant's or platform's default.")
    texts: Annotated[
        list[Annotated[str, Field(min_length=1, max_length=16_384)]],
        Field(min_length=1, max_length=64),
    ] = Field(description="The texts.")
    deadline_at: AwareDatetime | None = Field(
        None, description="After this nobody waits any more, UTC."
    )


class PassagesRanked(Answer):
    """How well each text answers the question; higher is better."""

    model: ShortText = Field(description="The model that judged, `provider/name`.")
    scores: Annotated[list[float], Field(min_length=1, max_length=100)] = Field(
        description="One a text, in the same order; comparable only within this answer."
    )
    tokens: int = Field(ge=0, description="Tokens read.")
    cost_usd: float | None = Field(ge=0, description="Null where the price is unknown.")


class RankPassages(Request[PassagesRanked], owner="llm-router", asked_by=("retriever",), version=1):
    """Judge candidates against the question; refused with a code if the model cannot."""

    model: ShortText = Field(description="`builtin/maxsim`, or `provider/name`.")
    query: Annotated[str, Field(min_length=1, max_length=8_192)] = Field(
        description="The question."
    )
    texts: Annotated[
        list[Annotated[str, Field(min_length=1, max_length=8_192)]],
        Field(min_length=1, max_length=100),
    ] = Field(description="The candidates' words.")
    weights: Annotated[list[float], Field(max_length=64)] | None = Field(
        description="For models that want them: idf of the question's words, in order."
    )
    deadline_at: AwareDatetime | None = Field(
        None, description="After this nobody waits any more, UTC."
    )


class TokensSpent(Event, owner="llm-router", heard_by=(), version=1, public="usage.recorded"):
    """A model call was made and paid for."""

    conversation_id: UUID | None = Field(description="The conversation, if it was for one.")
    purpose: ShortText = Field(description="answer, rewrite, summary, passage, query.")
    model: ShortText = Field(description="`provider/name`.")
    input_tokens: int = Field(ge=0, description="Tokens read.")
    output_tokens: int = Field(ge=0, description="Tokens written.")
    cost_usd: float | None = Field(ge=0, description="Null where the price is unknown.")
