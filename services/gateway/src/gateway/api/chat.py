"""Talk to a tenant's bot without a customer: nothing is kept or sent, everything is shown."""

import json
from typing import Annotated, Any, Final, Literal, Self
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, Field, model_validator

from contracts.v1.trying import TriedAnswer, TriedMessage, TryReply
from gateway.api.guarded_route import GuardedRoute
from gateway.api.parts import Shape, With
from gateway.api.tenants import SettingsChange
from gateway.document_words import Language

router = APIRouter(
    prefix="/api/tenants/{tenant_id}/chat", tags=["trying"], route_class=GuardedRoute
)

SECONDS_MAX: Final = 150.0
"""A turn may take two minutes, all its tool rounds included."""
OVERRIDES_CHARACTERS_MAX: Final = 32_768

Words = Annotated[str, Field(min_length=1, max_length=65_536)]


class Said(Shape):
    """A message of the talk."""

    role: Literal["customer", "bot", "agent"] = Field(description="Who says it.")
    text: Words = Field(description="The words.")


class Talk(Shape):
    """What the bot is to answer."""

    message: Words | None = Field(None, description="One message of a customer, in short.")
    messages: Annotated[list[Said], Field(min_length=1, max_length=100)] | None = Field(
        None, description="The talk so far; the customer's last words are answered."
    )
    settings: SettingsChange | None = Field(
        None, description="Settings that differ from the tenant's own, for this answer."
    )
    tools: Literal["real", "recorded", "none"] = Field(
        "recorded",
        description="`real` calls the tenant's own tools; `recorded` only shows that they would "
        "be called.",
    )
    language: Language | None = Field(None, description="The conversation's language.")

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.message is None) == (self.messages is None):
            raise ValueError("give either `message` or `messages`")
        return self


class ChatAnswered(BaseModel):
    """What the bot would say, and everything that led to it."""

    answer: TriedAnswer
    evidence: dict[str, Any] = Field(
        description="As a turn keeps it: the question as understood, searches with every "
        "candidate, passages, prompt, model and tool calls, decision, durations."
    )
    left_out: list[str] = Field(description="Parts of the evidence that were too large.")


@router.post("")
async def chat(tenant_id: UUID, body: Talk, parts: With) -> ChatAnswered:
    """What would the bot say? Costs what a turn costs; takes as long as a turn."""
    said = body.messages or [Said(role="customer", text=body.message or "")]
    request = TryReply.make(
        tenant_id=tenant_id,
        messages=[TriedMessage(role=one.role, text=one.text) for one in said],
        overrides=overrides_of(body.settings),
        tools=body.tools,
        language=body.language,
    )
    tried = await parts.ask(request, timeout_seconds=SECONDS_MAX)
    return ChatAnswered(
        answer=tried.answer, evidence=json.loads(tried.evidence), left_out=tried.left_out
    )


def overrides_of(settings: BaseModel | None) -> str | None:
    """Settings that differ, as they travel; what was not said stays the tenant's."""
    if settings is None:
        return None
    return json.dumps(settings.model_dump(mode="json", exclude_unset=True), ensure_ascii=False)
