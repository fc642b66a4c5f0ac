"""Phone numbers, pages and accounts that the simulated Meta knows, and whom it tells of events."""

from __future__ import annotations

from typing import Any, Literal, get_args

from simulators.meta.whatsapp_bodies import DISPLAY_NUMBER

Json = dict[str, Any]
NodeKind = Literal["phone", "page", "account", "missing"]
"""`missing`: an id that the token may not see."""

PHONE_FIELDS = frozenset(
    {"display_phone_number", "verified_name", "quality_rating", "throughput", "name_status",
     "code_verification_status", "messaging_limit_tier", "platform_type", "account_mode", "status",
     "is_official_business_account", "health_status", "webhook_configuration", "username"}
)  # fmt: skip
ACCOUNT_FIELDS = frozenset(
    {"timezone_id", "message_template_namespace", "account_review_status", "currency",
     "business_verification_status", "ownership_type", "country"}
)  # fmt: skip
PAGE_FIELDS = frozenset({"name", "category", "link", "access_token", "tasks", "picture", "about"})
PERSON_FIELDS = frozenset({"first_name", "last_name", "profile_pic"})


class NodeBook:
    """Nodes by id; an id that nobody mentioned is what the asked fields make of it."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Forget every node and subscription."""
        self._nodes: dict[str, tuple[NodeKind, Json]] = {}
        self._account_of: dict[str, str] = {}
        self._subscriptions: dict[str, Json | None] = {}

    def put(self, node_id: str, kind: str, **fields: Any) -> Json:
        """Make or change a node; a phone's `account_id` is the account it belongs to."""
        if kind not in get_args(NodeKind):
            raise ValueError(f"kind must be one of {', '.join(get_args(NodeKind))}")
        account_id = str(fields.pop("account_id", ""))
        if account_id:
            self._account_of[node_id] = account_id
        usual = _USUAL[kind](node_id) if kind in _USUAL else {}
        known_kind, known = self._nodes.get(node_id, (kind, usual))
        found = {**(known if known_kind == kind else usual), **fields}
        self._nodes[node_id] = (kind, found)  # type: ignore[assignment]
        return found

    def account_of(self, phone_number_id: str) -> str:
        """The account of a number; empty when nobody said it."""
        return self._account_of.get(phone_number_id, "")

    def numbers_of(self, account_id: str) -> list[Json]:
        """The numbers of one account."""
        return [
            {**self._nodes[number][1], "status": "LINKED"}
            for number, owner in self._account_of.items()
            if owner == account_id and number in self._nodes
        ]

    def find(self, node_id: str, asked_fields: str) -> Json | None:
        """A node as Graph shows it; None for one that does not exist."""
        kind, found = self._nodes.get(node_id, ("", {}))
        if kind == "missing":
            return None
        if kind:
            return found
        names = {name.partition("{")[0].strip() for name in asked_fields.split(",")}
        if names & PHONE_FIELDS:
            return _phone(node_id)
        if names & ACCOUNT_FIELDS:
            return _account(node_id)
        if names & PERSON_FIELDS:
            return _person(node_id)
        if names & PAGE_FIELDS:
            return _page(node_id)
        return None

    def missing(self, node_id: str) -> bool:
        """Whether the node was made invisible."""
        return self._nodes.get(node_id, ("", {}))[0] == "missing"

    def subscribe(self, node_id: str, fields: Json | None) -> None:
        """Subscribe our app with these fields; None ends it."""
        self._subscriptions[node_id] = fields

    def subscription(self, node_id: str) -> Json | None:
        """Our app's subscription; a node that nobody touched is subscribed to everything."""
        return self._subscriptions.get(node_id, {})

    def is_page(self, node_id: str) -> bool:
        """Whether the id is known as a page, or was subscribed as only pages are."""
        fields = self._subscriptions.get(node_id) or {}
        return self._nodes.get(node_id, ("", {}))[0] == "page" or "subscribed_fields" in fields


def _phone(node_id: str) -> Json:
    return {
        "id": node_id,
        "display_phone_number": f"+{DISPLAY_NUMBER}",
        "verified_name": "Simulated shop",
        "quality_rating": "GREEN",
        "code_verification_status": "VERIFIED",
        "name_status": "APPROVED",
        "platform_type": "CLOUD_API",
        "throughput": {"level": "STANDARD"},
        "messaging_limit_tier": "TIER_1K",
        "account_mode": "LIVE",
        "status": "CONNECTED",
        "is_official_business_account": False,
        "webhook_configuration": {"application": "https://example.org/webhooks/whatsapp"},
    }


def _page(node_id: str) -> Json:
    return {
        "id": node_id,
        "name": "Simulated page",
        "category": "Shopping & retail",
        "link": f"https://www.facebook.com/{node_id}",
        "tasks": ["MESSAGING", "MODERATE", "MANAGE"],
    }


def _person(node_id: str) -> Json:
    return {"id": node_id, "first_name": "Customer", "last_name": node_id[-4:]}


def _account(node_id: str) -> Json:
    return {
        "id": node_id,
        "name": "Simulated business",
        "timezone_id": "1",
        "currency": "EUR",
        "message_template_namespace": "ba30dd89_2ebd_41e4_b805_f2c05ae04cc9",
        "account_review_status": "APPROVED",
        "business_verification_status": "VERIFIED",
        "ownership_type": "SELF_OWNED",
        "country": "US",
    }


_USUAL = {"phone": _phone, "page": _page, "account": _account}
