"""Everything that may be set from outside."""

from pathlib import Path
from typing import Annotated, Final, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import SettingsConfigDict

from process import ServiceSettings

MEBIBYTE: Final = 1024 * 1024
_SECRET_CHARACTERS_MIN: Final = 24
_EXAMPLE_VALUES: Final = frozenset({"changeme", "change-me", "secret", "example", "password"})

Secret = Annotated[SecretStr, Field(repr=False)]


class Settings(ServiceSettings):
    """Settings of gateway."""

    model_config = SettingsConfigDict(env_prefix="CHAT_GATEWAY_")

    listen: str = Field("127.0.0.1:8080", description="host:port of the public HTTP edge.")
    public_url: str = Field(
        "http://127.0.0.1:8080",
        alias="CHAT_PUBLIC_URL",
        description="How browsers and Meta reach this edge; its origin may open widget sessions.",
    )
    redis_url: str = Field(
        alias="CHAT_REDIS_URL", description="Rate limits and Socket.IO fan-out.", repr=False
    )
    admin_key: Secret = Field(alias="CHAT_ADMIN_KEY", description="Key of the admin routes.")
    key_pepper: Secret = Field(
        alias="CHAT_KEY_PEPPER", description="HMAC key under which tenant keys are stored."
    )
    jwt_secret: Secret = Field(
        alias="CHAT_JWT_SECRET", description="Signs widget tokens, visitor tokens and cursors."
    )
    master_keys: Secret = Field(
        alias="CHAT_MASTER_KEYS", description="Key ring `id:base64key,…`; the first one seals."
    )
    blob_url: str = Field(
        alias="CHAT_BLOB_URL", description="file:///folder or s3://bucket/prefix."
    )
    whatsapp_app_secret: SecretStr = Field(
        SecretStr(""),
        alias="CHAT_WHATSAPP_APP_SECRET",
        description="App secret of the platform's own Meta app; empty refuses every POST.",
    )
    whatsapp_verify_token: SecretStr = Field(
        SecretStr(""),
        alias="CHAT_WHATSAPP_VERIFY_TOKEN",
        description="Verify token of the platform's own Meta app.",
    )
    messenger_app_secret: SecretStr = Field(
        SecretStr(""),
        alias="CHAT_MESSENGER_APP_SECRET",
        description="As CHAT_WHATSAPP_APP_SECRET, for Messenger.",
    )
    messenger_verify_token: SecretStr = Field(
        SecretStr(""),
        alias="CHAT_MESSENGER_VERIFY_TOKEN",
        description="As CHAT_WHATSAPP_VERIFY_TOKEN, for Messenger.",
    )
    demo_channel_key: str = Field(
        "",
        alias="CHAT_DEMO_CHANNEL_KEY",
        description="Widget key used by the demo page; empty switches the page off.",
    )
    ui_folder: Path = Field(
        Path(__file__).resolve().parent / "static",
        description="Folder of the built pages: widget/ and demo/.",
    )
    trusted_proxies: str = Field(
        "127.0.0.1", description="Addresses whose X-Forwarded-For is believed, comma-separated."
    )
    upload_bytes_max: int = Field(
        25 * MEBIBYTE, ge=1, description="Largest document that is accepted."
    )
    resumable_bytes_max: int = Field(
        512 * MEBIBYTE, ge=1, description="Largest document that is accepted in pieces."
    )
    resumable_hours: int = Field(
        24,
        ge=1,
        le=720,
        description="How long an upload in pieces may rest; then it is gone.",
    )
    quota_documents: int = Field(
        100_000, ge=0, description="Documents of a tenant, unless its settings say otherwise."
    )
    quota_bytes: int = Field(
        20 * 1024 * MEBIBYTE, ge=0, description="Bytes of them, unless its settings say otherwise."
    )
    media_bytes_max: int = Field(
        100 * MEBIBYTE, ge=1, description="Largest file that people may upload for a message."
    )
    widget_upload_bytes_max: int = Field(
        10 * MEBIBYTE, ge=1, description="Largest file that a visitor may upload."
    )
    widget_upload_types: str = Field(
        "image/jpeg,image/png,image/gif,image/webp,audio/*,video/mp4,video/webm,video/quicktime,"
        "application/pdf,text/plain",
        description="What visitors may upload: MIME types, `audio/*` for all of a family.",
    )
    widget_uploads_per_minute: int = Field(
        20, ge=1, description="Files that one visitor may upload, per minute."
    )
    identity_seconds_max: int = Field(
        3600, ge=60, description="How old the signature of a visitor's identity may be."
    )
    cors_origins: str = Field(
        "",
        alias="CHAT_CORS_ORIGINS",
        description="Origins whose pages may call /api, comma-separated; empty: none.",
    )
    requests_per_minute: int = Field(3000, ge=1, description="Requests of one API key, per minute.")
    sessions_per_minute: int = Field(
        600, ge=1, description="Widget sessions opened from one address, per minute."
    )
    refusals_per_minute: int = Field(
        120, ge=1, description="Requests without a good key from one address, per minute."
    )
    ledger_days: int = Field(7, ge=1, le=365, description="How long raw webhook bodies are kept.")

    @field_validator("admin_key", "key_pepper", "jwt_secret")
    @classmethod
    def _real_secret(cls, value: SecretStr) -> SecretStr:
        text = value.get_secret_value()
        if len(text) < _SECRET_CHARACTERS_MIN or text.lower().strip("-_ ") in _EXAMPLE_VALUES:
            raise ValueError(f"needs {_SECRET_CHARACTERS_MIN} or more random characters")
        return value

    @model_validator(mode="after")
    def _secrets_differ(self) -> Self:
        secrets = [self.admin_key, self.key_pepper, self.jwt_secret]
        if len({secret.get_secret_value() for secret in secrets}) < len(secrets):
            raise ValueError("the admin key, the pepper and the JWT secret must differ")
        return self

    @property
    def public_origin(self) -> str:
        """`https://chat.example.com`: scheme and host of the public URL."""
        parts = urlsplit(self.public_url)
        return f"{parts.scheme}://{parts.netloc}".lower()

    @property
    def upload_types(self) -> list[str]:
        """What visitors may upload."""
        return [
            name.strip().lower() for name in self.widget_upload_types.split(",") if name.strip()
        ]

    @property
    def api_origins(self) -> frozenset[str]:
        """Origins whose pages may call the API."""
        origins = (origin.strip().rstrip("/").lower() for origin in self.cors_origins.split(","))
        return frozenset(filter(None, origins))

    @property
    def host(self) -> str:
        """Address to listen on."""
        return self.listen.rpartition(":")[0].strip("[]")

    @property
    def port(self) -> int:
        """Port to listen on; 0 takes a free one."""
        return int(self.listen.rpartition(":")[2])
