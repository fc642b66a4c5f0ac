"""What a provider's answers and notices say about a channel's health; pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from channel_ingress.domain import NotSent, Refused, Unanswered
from channel_ingress.graph import Answered, GraphAnswer
from channel_ingress.graph_versions import version_level
from channel_ingress.reading import cleaned
from channel_ingress.rhythm import SURPRISE_RED, SURPRISE_YELLOW, Rhythm, surprise
from contracts.v1.channel_health import HealthFinding, HealthLevel

TOKEN_CODES = frozenset({0, 102, 190, 463, 467})
PERMISSION_CODES = frozenset({3, 10, *range(200, 300)})
EXPIRY_WARNED_BEFORE = timedelta(days=7)
NOTICE_LIFE = timedelta(days=3)
"""How long a notice about the account colours the channel, if nothing follows."""
NEEDED_FIELDS = {"messenger": "messages", "instagram": "messages"}

_WORSE: dict[HealthLevel, int] = {"unknown": 0, "green": 1, "yellow": 2, "red": 3}
_NUMBER_RED = frozenset({"BANNED", "DELETED", "DISCONNECTED", "UNVERIFIED", "MIGRATED"})
_NUMBER_YELLOW = frozenset({"FLAGGED", "RESTRICTED", "RATE_LIMITED", "PENDING"})
_QUALITY: dict[str, HealthLevel] = {"GREEN": "green", "YELLOW": "yellow", "RED": "red"}
_ACCOUNT_RED = frozenset(
    {
        "ACCOUNT_DELETED",
        "DISABLED_UPDATE",
        "PARTNER_REMOVED",
        "PARTNER_APP_UNINSTALLED",
        "ACCOUNT_OFFBOARDED",
    }
)
_ACCOUNT_YELLOW = frozenset({"ACCOUNT_VIOLATION", "ACCOUNT_RESTRICTION"})
_ALERTS: dict[str, HealthLevel] = {"CRITICAL": "red", "WARNING": "yellow"}


@dataclass(frozen=True, slots=True)
class Looked:
    """What one look at the provider found."""

    findings: tuple[HealthFinding, ...]
    token_expires_at: datetime | None = None


def worst(findings: Iterable[HealthFinding]) -> HealthLevel:
    """The worst level; unknown only where no finding says anything."""
    levels = [finding.level for finding in findings]
    return max(levels, key=_WORSE.__getitem__) if levels else "unknown"


def worst_first(findings: Sequence[HealthFinding]) -> list[HealthFinding]:
    """In the order in which a person should read them."""
    return sorted(findings, key=lambda finding: (-_WORSE[finding.level], finding.check))


def found(
    check: str,
    level: HealthLevel,
    code: str,
    detail: str,
    at: datetime,
    provider_code: int | None = None,
) -> HealthFinding:
    """A finding with its words cut to what a message may hold."""
    return HealthFinding(
        check=check,
        level=level,
        code=code,
        provider_code=provider_code,
        detail=cleaned(detail[:2_000]),
        checked_at=at,
    )


def refusal(check: str, refused: Refused, at: datetime) -> HealthFinding:
    """A finding for a refused call, in the provider's own words; a token's or right's own check."""
    code, words = refused.code, refused.message.rstrip(". ")
    if code in TOKEN_CODES or (refused.http_status == 401 and code < 0):
        advice = "Give the channel a new access token."
        return found("token", "red", "token_invalid", f"{words}. {advice}", at, code)
    if code in PERMISSION_CODES:
        advice = "Give the token the rights that the channel needs."
        return found("permissions", "red", "permission_missing", f"{words}. {advice}", at, code)
    return found(check, "red", "refused", words, at, code)


def not_answered(check: str, answer: NotSent | Unanswered, at: datetime) -> HealthFinding:
    """Meta could not be asked: no statement about the channel."""
    return found(check, "unknown", "unreachable", f"Meta did not answer: {answer.reason}", at)


def number_findings(answer: GraphAnswer, at: datetime) -> list[HealthFinding]:
    """What `GET /{phone_number_id}` says."""
    if not isinstance(answer, Answered):
        return [_failed("number", answer, at)]
    body = answer.body
    status = str(body.get("status") or "CONNECTED").upper()
    name = " ".join(str(body.get(key) or "") for key in ("display_phone_number", "verified_name"))
    level: HealthLevel = (
        "red" if status in _NUMBER_RED else "yellow" if status in _NUMBER_YELLOW else "green"
    )
    code = "ok" if level == "green" else f"number_{status.lower()}"[:64]
    findings = [
        found("token", "green", "ok", "Meta takes the token.", at),
        found("permissions", "green", "ok", "The token may read the number.", at),
        found("number", level, code, f"{name.strip()}: {status}"[:500], at),
    ]
    if body.get("code_verification_status") == "NOT_VERIFIED" and level == "green":
        detail = f"{name.strip()}: the number has not been verified yet."
        findings[-1] = found("number", "yellow", "not_verified", detail, at)
    rating = str(body.get("quality_rating") or "UNKNOWN").upper()
    quality = _QUALITY.get(rating, "green")
    code = "ok" if quality == "green" else f"quality_{rating.lower()}"
    findings.append(found("quality", quality, code, f"Meta rates the quality {rating}.", at))
    return findings


def page_findings(answer: GraphAnswer, at: datetime) -> list[HealthFinding]:
    """What `GET /{page_id}?fields=id,name` says."""
    if not isinstance(answer, Answered):
        return [_failed("number", answer, at)]
    name = str(answer.body.get("name") or answer.body.get("username") or answer.body.get("id"))
    return [
        found("token", "green", "ok", "Meta takes the token.", at),
        found("permissions", "green", "ok", "The token may read the page.", at),
        found("number", "green", "ok", f"The page is {name[:200]}.", at),
    ]


def subscription_finding(
    answer: GraphAnswer, app_id: str | None, needed_field: str | None, at: datetime
) -> HealthFinding:
    """What `GET /{account}/subscribed_apps` says: whether messages reach us at all."""
    check = "webhook_subscription"
    if not isinstance(answer, Answered):
        return _failed(check, answer, at)
    apps = [app for app in _listed(answer.body.get("data")) if isinstance(app, dict)]
    if app_id is not None:
        apps = [app for app in apps if _app_id(app) in (app_id, "")]
    if not apps:
        detail = "Our app is not subscribed to the account, so no message reaches us."
        return found(check, "red", "not_subscribed", detail, at)
    fields = {str(name) for app in apps for name in _listed(app.get("subscribed_fields"))}
    if needed_field is not None and fields and needed_field not in fields:
        detail = f"The app is not subscribed to `{needed_field}`, only to {sorted(fields)}."
        return found(check, "red", "field_not_subscribed", detail, at)
    return found(check, "green", "ok", "Our app is subscribed to the account.", at)


def token_looked(answer: GraphAnswer, at: datetime) -> tuple[HealthFinding | None, datetime | None]:
    """What `GET /debug_token` says; not every token may ask it, so a refusal says nothing."""
    data = answer.body.get("data") if isinstance(answer, Answered) else None
    if not isinstance(data, dict):
        return None, None
    error = data.get("error")
    if data.get("is_valid") is False:
        words = str(error.get("message")) if isinstance(error, dict) else "Meta says it is invalid."
        code = error.get("code") if isinstance(error, dict) else None
        number = code if isinstance(code, int) else None
        return found("token", "red", "token_invalid", words, at, number), None
    expires_at = _moment(data.get("expires_at"))
    if expires_at is not None and expires_at - at <= EXPIRY_WARNED_BEFORE:
        detail = f"The token expires at {expires_at.isoformat()}; replace it before."
        return found("token", "yellow", "token_expires", detail, at), expires_at
    return None, expires_at


def version_finding(version: str, at: datetime) -> HealthFinding:
    """Whether the configured Graph version will still answer."""
    level, code, detail = version_level(version, at.date())
    return found("graph_version", level, code, detail, at)


def silence_finding(
    rhythm: Rhythm, last_event_at: datetime | None, alarm_hours: int | None, at: datetime
) -> HealthFinding:
    """Whether nothing has come for longer than is usual, or than the tenant chose."""
    if last_event_at is None:
        return found("silence", "green", "no_event_yet", "Nothing has come yet.", at)
    hours = (at - last_event_at).total_seconds() / 3_600
    since = f"The last event came {hours:.1f} hours ago"
    if alarm_hours is not None:
        if hours < alarm_hours:
            return found("silence", "green", "ok", f"{since}.", at)
        detail = f"{since}; the alarm is set to {alarm_hours} hours."
        return found("silence", "red", "silent", detail, at)
    if not rhythm.is_learned:
        return found("silence", "green", "learning", f"{since}; its rhythm is being learned.", at)
    unlikely = surprise(rhythm, last_event_at, at)
    if unlikely < SURPRISE_YELLOW:
        return found("silence", "green", "ok", f"{since}, as usual.", at)
    detail = f"{since}; at this time of the week something usually comes sooner."
    return found("silence", "red" if unlikely >= SURPRISE_RED else "yellow", "silent", detail, at)


def notice_finding(field: str, value: dict[str, Any], at: datetime) -> HealthFinding | None:
    """What an account's webhook says about health; None for what says nothing about it."""
    event = str(value.get("event") or "").upper()
    if field == "phone_number_quality_update":
        if event == "FLAGGED":
            detail = f"Meta has flagged the number; limit {value.get('current_limit')}."
            return found("quality", "red", "quality_flagged", detail, at)
        if event != "UNFLAGGED":
            return None
        detail = f"Meta has lifted the flag; limit {value.get('current_limit')}."
        return found("quality", "green", "ok", detail, at)
    if field == "account_alerts":
        severity = str(value.get("alert_severity") or "").upper()
        kind = str(value.get("alert_type") or "alert")
        level = _ALERTS.get(severity)
        words = f"{kind}: {value.get('alert_description') or ''} {value.get('entity_type') or ''}"
        return found("account", level, "account_alert", words.strip(), at) if level else None
    if field == "account_update":
        level = "red" if event in _ACCOUNT_RED else "yellow" if event in _ACCOUNT_YELLOW else None
        extra = {key: value[key] for key in sorted(value) if key.endswith("_info")}
        code = f"account_{event.lower()}"[:64]
        return (
            found("account", level, code, f"{event} {extra or ''}".strip(), at) if level else None
        )
    return None


def _failed(check: str, answer: Refused | NotSent | Unanswered, at: datetime) -> HealthFinding:
    return (
        refusal(check, answer, at)
        if isinstance(answer, Refused)
        else not_answered(check, answer, at)
    )


def _app_id(app: dict[str, Any]) -> str:
    inner = app.get("whatsapp_business_api_data")
    return str((inner if isinstance(inner, dict) else app).get("id") or "")


def _listed(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _moment(value: object) -> datetime | None:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 < value < 2**33:
        return None
    return datetime.fromtimestamp(value, UTC)
