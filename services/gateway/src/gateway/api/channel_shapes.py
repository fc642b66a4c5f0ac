"""What the channels' routes take and show."""

from datetime import datetime
from typing import Annotated, Any, Final, Literal, Self
from uuid import UUID

from pydantic import AfterValidator, BaseModel, Field, StringConstraints, model_validator

from contracts.v1.shapes import ChannelType
from gateway.api.parts import Shape
from gateway.domain import normal_origin
from gateway.words import Name, Note, Words


def _origin(text: str) -> str:
    origin = normal_origin(text)
    if origin is None:
        raise ValueError("must be an origin such as https://shop.example")
    return origin


Origin = Annotated[str, StringConstraints(max_length=255), AfterValidator(_origin)]
Color = Annotated[str, StringConstraints(pattern=r"^#[0-9a-fA-F]{6}$")]
ProviderId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.:-]{1,128}$")]
SecretText = Annotated[str, StringConstraints(strip_whitespace=True, max_length=2_048)]


class Credentials(Shape):
    """Secrets of a Meta channel: written, never shown again but for their last characters."""

    access_token: SecretText | None = Field(None, description="Token for the Graph API.")
    app_secret: SecretText | None = Field(
        None, description="Secret of the tenant's own Meta app; signs /webhooks/{channel_id}."
    )
    app_id: SecretText | None = Field(None, description="Id of that app.")
    verify_token: SecretText | None = Field(None, description="For the handshake of that address.")


class TemplateValue(Shape):
    """A value for one place of the template."""

    component: Literal["header", "body", "button"] = Field(description="Where the place is.")
    index: Annotated[int, Field(ge=0, le=31)] = Field(0, description="Which place of it, from 0.")
    name: Note | None = Field(None, description="Its name, for templates with named places.")
    text: Annotated[str, StringConstraints(max_length=1_024)] = Field(
        description="The words; `{{text}}` becomes the text that could not be sent."
    )


class ReengagementTemplate(Shape):
    """The template that goes out by itself when the customer-service window is closed."""

    name: Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]{1,512}$")] = Field(
        description="Its name; it has to be approved."
    )
    language: Annotated[str, StringConstraints(min_length=2, max_length=16)] = Field(
        description="Its language, e.g. en_US."
    )
    parameters: Annotated[list[TemplateValue], Field(max_length=64)] = Field(
        [], description="A value for each place."
    )


class ChannelSettings(Shape):
    """What may be chosen; each channel type has its own part of it."""

    title: Name | None = Field(None, description="webchat: head line.")
    color: Color | None = Field(None, description="webchat: #rrggbb.")
    greeting: Words | None = Field(None, description="webchat: first words.")
    locale: Annotated[str, StringConstraints(max_length=16)] | None = Field(
        None, description="webchat: BCP 47."
    )
    allowed_origins: Annotated[list[Origin], Field(max_length=100)] | None = Field(
        None, description="webchat: pages that may show it, e.g. https://shop.example."
    )
    require_identity: bool | None = Field(
        None, description="webchat: only visitors with a signed identity may speak."
    )
    business_account_id: ProviderId | None = Field(
        None, description="whatsapp: the WhatsApp Business Account, which owns the templates."
    )
    reengagement_template: ReengagementTemplate | None = Field(
        None, description="whatsapp: goes out instead of text when the 24-hour window is closed."
    )
    platform: Literal["facebook", "instagram"] | None = Field(
        None, description="messenger: what the page stands on; facebook if absent."
    )
    human_agent_tag: bool | None = Field(
        None, description="messenger: whether Meta granted the 7-day tag for people's answers."
    )
    app_id: ProviderId | None = Field(
        None, description="whatsapp, messenger: our Meta app; another app's echoes are foreign."
    )
    messages_per_second: Annotated[int, Field(ge=1, le=1_000)] | None = Field(
        None, description="whatsapp, messenger: the throughput that Meta allows; 80 if absent."
    )
    silence_alarm_hours: Annotated[int, Field(ge=1, le=720)] | None = Field(
        None, description="whatsapp, messenger: alarm after this long without an event."
    )


_META: Final = frozenset({"app_id", "messages_per_second", "silence_alarm_hours"})
_SETTINGS_OF: Final[dict[ChannelType, frozenset[str]]] = {
    "webchat": frozenset(
        {"title", "color", "greeting", "locale", "allowed_origins", "require_identity"}
    ),
    "whatsapp": _META | {"business_account_id", "reengagement_template"},
    "messenger": _META | {"platform", "human_agent_tag"},
}


def misplaced(channel_type: ChannelType, settings: ChannelSettings | None) -> str | None:
    """What is wrong with settings that are another channel type's, in a sentence."""
    given = settings.model_fields_set if settings else set()
    strange = sorted(given - _SETTINGS_OF[channel_type])
    if not strange:
        return None
    return f"a {channel_type} channel has no {', '.join(strange)}"


class NewChannel(Shape):
    """A channel to be made."""

    channel_type: ChannelType = Field(description="whatsapp, messenger or webchat.")
    name: Name = Field(description="Display name.")
    external_id: ProviderId | None = Field(
        None, description="phone_number_id or page id; a widget's key is made by us."
    )
    credentials: Credentials | None = Field(None, description="Not for webchat.")
    settings: ChannelSettings | None = Field(None, description="Of its channel type.")

    @model_validator(mode="after")
    def _fits_its_type(self) -> Self:
        is_web = self.channel_type == "webchat"
        if is_web and (self.external_id or self.credentials):
            raise ValueError("a webchat channel has neither external_id nor credentials")
        if not is_web and not self.external_id:
            raise ValueError("external_id is needed: the phone_number_id or page id")
        if wrong := misplaced(self.channel_type, self.settings):
            raise ValueError(wrong)
        return self


class ChannelChange(Shape):
    """What is to change; absent fields stay, a null credential is forgotten."""

    name: Name | None = Field(None, description="Display name.")
    state: Literal["active", "disabled"] | None = Field(None, description="Whether it is served.")
    external_id: ProviderId | None = Field(None, description="Not for webchat.")
    credentials: Credentials | None = Field(None, description="Not for webchat.")
    settings: ChannelSettings | None = Field(None, description="Of its channel type.")


class ChannelShown(BaseModel):
    """A channel; of its secrets only the last characters."""

    channel_id: UUID
    tenant_id: UUID
    channel_type: ChannelType
    name: str
    state: Literal["active", "disabled", "removed"]
    external_id: str = Field(description="phone_number_id, page id, or the public widget key.")
    credentials: dict[str, str] = Field(description="Name of each secret and how it ends.")
    settings: dict[str, Any]
    webhook_url: str | None = Field(description="Address for a Meta app of the tenant's own.")
    revision: int
    created_at: datetime
    updated_at: datetime


class ChannelsShown(BaseModel):
    """A page of channels, the newest first."""

    items: list[ChannelShown]
    next_cursor: str | None


class IdentitySecret(BaseModel):
    """A new secret; `identity_secret` is shown this once."""

    channel_id: UUID
    identity_secret: str = Field(description="For your server, never for a page.")
