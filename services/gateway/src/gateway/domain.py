"""Tenants and channels as gateway owns them, and the rules by which they change."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, Literal
from urllib.parse import urlsplit
from uuid import UUID, uuid5

from contracts.v1.channels import ChannelWebhookReceived
from contracts.v1.shapes import ChannelType, TemplateCall, TemplateParameter
from contracts.v1.tenants import (
    ChannelChoices,
    ChannelConfigured,
    TenantConfigured,
    TenantSettings,
)
from gateway.people_settings import people_contradictions

_RERANKER: Final = re.compile(r"none|[A-Za-z0-9_.-]+/[!-~]+")
_QUOTA_MAX: Final = 10**15
QUOTAS: Final = ("quota_documents", "quota_bytes", "quota_passages")

TenantState = Literal["active", "suspended", "removed"]
ChannelState = Literal["active", "disabled", "removed"]

IDENTITY_SECRET: Final = "identity_secret"  # noqa: S105 - a name
"""Name of the one credential of a web channel: it never leaves gateway."""

DEFAULT_SETTINGS: Final = TenantSettings(
    bot_name="Assistant",
    system_prompt="You answer the customers of this business, briefly and kindly.",
    language="en",
    rag_enabled=True,
    model=None,
    fallback_models=[],
    embedding_model=None,
    handoff_keywords=["human", "agent", "representative"],
    handoff_reply="I am asking a colleague to take over. Please wait a moment.",
    failure_reply="Sorry, I cannot answer right now. Please try again in a few minutes.",
    coalesce_milliseconds=1_000,
    history_messages_max=20,
    prompt_tokens_max=6_000,
    reply_tokens_max=800,
    keyword_weight=0.5,
    vector_weight=0.5,
    passages_max=5,
    chunk_tokens=256,
    chunk_overlap_tokens=40,
)


@dataclass(frozen=True, slots=True)
class Tenant:
    """A business that uses the platform."""

    tenant_id: UUID
    slug: str
    name: str
    state: TenantState
    settings: TenantSettings
    revision: int
    created_at: datetime
    updated_at: datetime

    def configured(self) -> TenantConfigured:
        """The event that tells everybody all of it."""
        return TenantConfigured.make(
            tenant_id=self.tenant_id,
            correlation_id=self.tenant_id,
            revision=self.revision,
            slug=self.slug,
            name=self.name,
            state=self.state,
            settings=self.settings,
        )


@dataclass(frozen=True, slots=True)
class Channel:
    """A number, a page or a website of a tenant; credentials are sealed."""

    tenant_id: UUID
    channel_id: UUID
    channel_type: ChannelType
    name: str
    state: ChannelState
    external_id: str
    sealed_credentials: str | None
    credential_hints: Mapping[str, str]
    settings: Mapping[str, Any]
    revision: int
    created_at: datetime
    updated_at: datetime

    def configured(self) -> ChannelConfigured:
        """The event that tells channel-ingress and orchestrator all of it."""
        return ChannelConfigured.make(
            tenant_id=self.tenant_id,
            correlation_id=self.channel_id,
            revision=self.revision,
            channel_id=self.channel_id,
            channel_type=self.channel_type,
            name=self.name,
            state=self.state,
            external_id=self.external_id,
            sealed_credentials=None if self.is_web else self.sealed_credentials,
            choices=None if self.is_web else channel_choices(self.settings),
        )

    @property
    def is_web(self) -> bool:
        """Whether it is a widget."""
        return self.channel_type == "webchat"

    def removed(self) -> "Channel":
        """The channel after its removal: nobody can speak through it, its credentials are gone."""
        return replace(self, state="removed", sealed_credentials=None, credential_hints={})

    @property
    def allowed_origins(self) -> frozenset[str]:
        """Origins of the pages that may show this channel's widget."""
        return frozenset(self.settings.get("allowed_origins", ()))


@dataclass(frozen=True, slots=True)
class Delivery:
    """A raw body on its way into the ledger, and how it was proven."""

    delivery_id: UUID
    tenant_id: UUID
    channel_type: ChannelType
    channel_id: UUID | None
    source: Literal["meta", "widget"]
    received_at: datetime
    object_kind: str | None
    signature: str
    body: bytes
    body_sha256: str | None
    client_message_id: str | None

    def received(self, inline: str | None) -> ChannelWebhookReceived:
        """The event that hands it to channel-ingress: the text itself, or where it is in blobs."""
        return ChannelWebhookReceived.make(
            message_id=self.delivery_id,
            tenant_id=self.tenant_id,
            occurred_at=self.received_at,
            delivery_id=self.delivery_id,
            channel_type=self.channel_type,
            channel_id=self.channel_id,
            body=inline,
            body_sha256=self.body_sha256,
        )


def channel_choices(settings: Mapping[str, Any]) -> ChannelChoices:
    """The choices of a Meta channel, filled in."""
    template = settings.get("reengagement_template")
    return ChannelChoices(
        business_account_id=settings.get("business_account_id"),
        app_id=settings.get("app_id"),
        platform=settings.get("platform"),
        reengagement_template=_template_call(template) if template else None,
        human_agent_tag=settings.get("human_agent_tag", False),
        messages_per_second=settings.get("messages_per_second"),
        silence_alarm_hours=settings.get("silence_alarm_hours"),
    )


def _template_call(template: Mapping[str, Any]) -> TemplateCall:
    return TemplateCall(
        name=template["name"],
        language=template["language"],
        parameters=[
            TemplateParameter(
                component=value["component"],
                index=value.get("index", 0),
                name=value.get("name"),
                text=value["text"],
                media=None,
            )
            for value in template.get("parameters", ())
        ],
    )


def merged_settings(current: TenantSettings, changes: Mapping[str, Any]) -> TenantSettings:
    """The settings after a change; pydantic's ValidationError names what does not fit."""
    return TenantSettings.model_validate({**current.model_dump(), **changes})


def contradictions(settings: TenantSettings) -> dict[str, str]:
    """Settings that do not fit each other, or name nothing we know, and why."""
    wrong: dict[str, str] = {}
    rule = settings.chunking
    if rule is not None and rule.overlap_tokens >= rule.tokens:
        wrong["chunking.overlap_tokens"] = "must be less than tokens"
    if rule is not None and rule.parent_tokens is not None and rule.parent_tokens <= rule.tokens:
        wrong["chunking.parent_tokens"] = "must be more than tokens"
    if settings.chunk_overlap_tokens >= settings.chunk_tokens:
        wrong["chunk_overlap_tokens"] = "must be less than chunk_tokens"
    if settings.reranker is not None and not _RERANKER.fullmatch(settings.reranker):
        wrong["reranker"] = "none, builtin/maxsim or provider/model"
    if settings.keyword_weight + settings.vector_weight == 0:
        wrong["vector_weight"] = "keyword_weight or vector_weight must be more than 0"
    if settings.grounding == "strict" and not settings.rag_enabled:
        wrong["grounding"] = "strict needs rag_enabled: there would be nothing to say"
    for name in QUOTAS:
        if (getattr(settings, name) or 0) > _QUOTA_MAX:
            wrong[name] = f"at most {_QUOTA_MAX}"
    return wrong | people_contradictions(settings)


def changed_quotas(current: TenantSettings, wanted: TenantSettings) -> list[str]:
    """Names of the quotas that differ: only the platform changes those."""
    return [name for name in QUOTAS if getattr(current, name) != getattr(wanted, name)]


def masked(secret: str) -> str:
    """What may be shown of a secret: its last four characters, of a long one only."""
    return f"…{secret[-4:]}" if len(secret) >= 12 else "…"


def credential_context(tenant_id: UUID, channel_id: UUID) -> str:
    """The place a channel's credentials are sealed for."""
    return f"channel:{tenant_id}:{channel_id}"


def widget_delivery_id(channel_id: UUID, visitor_id: str, client_message_id: str) -> UUID:
    """The same message of the same visitor is the same delivery, however often it is sent."""
    return uuid5(channel_id, f"{visitor_id}\0{client_message_id}")


def visitor_room(channel_id: UUID, visitor_id: str) -> str:
    """The Socket.IO room of all windows of one visitor."""
    return f"visitor:{channel_id}:{visitor_id}"


def normal_origin(text: str) -> str | None:
    """`https://Shop.example:443/` -> `https://shop.example`; None for what is no web origin."""
    try:
        parts = urlsplit(text.strip())
        port = parts.port
    except ValueError:
        return None
    host = parts.hostname
    if parts.scheme not in {"http", "https"} or not host or parts.username or parts.query:
        return None
    if parts.path not in {"", "/"} or parts.fragment or any(c in host for c in "*'\"; ,<>\\"):
        return None
    shown = f"[{host}]" if ":" in host else host
    default = {"http": 80, "https": 443}[parts.scheme]
    return f"{parts.scheme}://{shown}" + (f":{port}" if port and port != default else "")
