"""WhatsApp webhooks about the account rather than from a customer; each is `(field, value)`."""

from __future__ import annotations

import time
from typing import Any

Json = dict[str, Any]
Notice = tuple[str, Json]


def body_of(account_id: str, field: str, value: Json) -> Json:
    """The webhook body with one change of one account."""
    entry = {
        "id": account_id,
        "time": int(time.time()),
        "changes": [{"value": value, "field": field}],
    }
    return {"object": "whatsapp_business_account", "entry": [entry]}


def template_status(
    *,
    template_id: str,
    name: str,
    language: str = "en_US",
    event: str = "APPROVED",
    reason: str = "NONE",
) -> Notice:
    """A template's state changed."""
    value: Json = {"event": event, **_template(template_id, name, language), "reason": reason}
    if event == "DISABLED":
        value["disable_info"] = {"disable_date": int(time.time())}
    if event == "PAUSED":
        value["other_info"] = {
            "title": "FIRST_PAUSE",
            "description": "Your WhatsApp message template has been paused for 3 hours because it "
            "continued to receive low quality ratings.",
        }
    return "message_template_status_update", value


def template_quality(
    *, template_id: str, name: str, language: str = "en_US", previous: str, current: str
) -> Notice:
    """A template's quality changed."""
    scores = {"previous_quality_score": previous, "new_quality_score": current}
    return "message_template_quality_update", {
        **scores,
        **_template(template_id, name, language),
    }


def template_category(
    *, template_id: str, name: str, language: str = "en_US", previous: str, current: str
) -> Notice:
    """A template was put into another category."""
    value = _template(template_id, name, language)
    return "template_category_update", {
        **value,
        "previous_category": previous,
        "new_category": current,
    }


def number_quality(
    *, display_number: str, event: str = "FLAGGED", current_limit: str = "TIER_1K"
) -> Notice:
    """A number's quality or limit changed: FLAGGED, UNFLAGGED, UPGRADE, DOWNGRADE, ONBOARDING."""
    return "phone_number_quality_update", {
        "display_phone_number": display_number,
        "event": event,
        "current_limit": current_limit,
    }


def account_update(*, event: str = "ACCOUNT_RESTRICTION", **details: Any) -> Notice:
    """The account was restricted, deleted, its partner removed, reconnected …"""
    return "account_update", {"event": event, **details}


def account_review(*, decision: str = "APPROVED") -> Notice:
    """The account was reviewed."""
    return "account_review_update", {"decision": decision}


def account_alert(
    *,
    entity_id: str,
    alert_type: str = "OBA_APPROVED",
    severity: str = "INFORMATIONAL",
    description: str = "A simulated alert",
) -> Notice:
    """Meta tells the business something about its account."""
    return "account_alerts", {
        "entity_type": "BUSINESS",
        "entity_id": entity_id,
        "alert_info": {
            "alert_severity": severity,
            "alert_status": "ACTIVE",
            "alert_type": alert_type,
            "alert_description": description,
        },
    }


def business_capability(*, daily_people: int = 1000, numbers: int = 2) -> Notice:
    """How many people and numbers the business may have."""
    return "business_capability_update", {
        "max_daily_conversation_per_phone": daily_people,
        "max_phone_numbers_per_business": numbers,
    }


def security(*, display_number: str, event: str = "PIN_CHANGED") -> Notice:
    """Somebody changed a number's PIN."""
    return "security", {
        "display_phone_number": display_number,
        "event": event,
        "requester": "10158000000000001",
    }


def _template(template_id: str, name: str, language: str) -> Json:
    number: int | str = int(template_id) if template_id.isdigit() else template_id
    return {
        "message_template_id": number,
        "message_template_name": name,
        "message_template_language": language,
    }
