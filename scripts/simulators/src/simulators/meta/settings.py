"""What the Meta simulator can be told at the start."""

from __future__ import annotations

from dataclasses import dataclass, field

STATUS_ORDER = ("sent", "delivered", "read")
"""The life of a message that arrives, in its real order."""
SAYABLE_STATUSES = (*STATUS_ORDER, "played", "deleted")
"""Every status that can follow an accepted send; `failed` is said by faults."""
DAY_SECONDS = 86_400.0
DEFAULT_APP_SECRET = "simulated-app-secret"  # noqa: S105 - opens nothing


@dataclass(frozen=True, slots=True)
class Settings:
    """Where webhooks go, how they are signed, and how the simulated world behaves."""

    whatsapp_webhook_url: str = ""
    """Receives WhatsApp bodies; empty = say nothing."""
    messenger_webhook_url: str = ""
    """Receives Messenger bodies; empty = say nothing."""
    whatsapp_app_secret: str = DEFAULT_APP_SECRET
    """Signs WhatsApp bodies (HMAC-SHA256 over the raw bytes)."""
    messenger_app_secret: str = DEFAULT_APP_SECRET
    """Signs Messenger bodies."""
    access_tokens: frozenset[str] = frozenset()
    """Bearer tokens that are accepted; empty = every non-empty token is."""
    app_id: str = "100200300400500"
    """The `app_id` in Messenger echoes of what was sent through this simulator."""
    status_delays_seconds: dict[str, float] = field(
        default_factory=lambda: {"sent": 0.05, "delivered": 0.15, "read": 0.5}
    )
    """Status name -> delay after the send; a name that is absent is never said."""
    status_batch_seconds: float = 0.02
    """Statuses that fall due within this time travel in one webhook body."""
    status_shuffle: bool = False
    """Say due statuses in random order, as Meta may."""
    messenger_echoes: bool = True
    """Say an echo for every Messenger text that was accepted."""
    webhook_attempts: int = 6
    """How often one body is tried before it is given up."""
    webhook_backoff_seconds: float = 0.2
    """First pause after an answer that is not 200; doubles each time, at most 10 s."""
    webhook_timeout_seconds: float = 20.0
    """How long to wait for the answer to one attempt."""
    media_url_life_seconds: float = 300.0
    """How long a media download link works."""
    media_upload_life_seconds: float = 30 * DAY_SECONDS
    """How long the id of an uploaded file works."""
    media_webhook_life_seconds: float = 7 * DAY_SECONDS
    """How long the id of a customer's file works."""
    known_media_only: bool = False
    """Refuse sends whose media id was never uploaded, or is dead."""
    known_templates_only: bool = False
    """Refuse sends of templates that the simulator does not hold."""
    template_review: str = "approve"
    """What becomes of a new template: `approve`, `reject`, or `wait` for somebody to decide."""
    template_review_seconds: float = 0.2
    """How long a template is PENDING."""
    enforce_window: bool = False
    """Refuse free-form sends to who has not written for 24 hours of simulated time."""
    enforce_pair_rate: bool = False
    """Refuse more than 45 messages at once, and one per 6 s on average, to one person."""
    messages_per_second: float = 0.0
    """Throughput of one number before 130429; 0 = no limit."""
    judge: bool = False
    """Judge requests, answers and webhooks by Meta's OpenAPI file, where that is at hand."""
    kept_sends: int = 200_000
    """Newest sends that stay readable at `GET /_sim/sends`."""
