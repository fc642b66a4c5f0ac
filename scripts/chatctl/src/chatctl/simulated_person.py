"""Which customer `chatctl simulate` plays: on which simulator, writing to whom, known as what."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any

from simulators.meta import Customer, MetaClient

RECEIVERS = {"whatsapp": "CHAT_WHATSAPP_PHONE_NUMBER_ID", "messenger": "CHAT_MESSENGER_PAGE_ID"}
LAST = "CHAT_SIMULATED_{platform}_CUSTOMER"
"""Under this name the run folder's state keeps whom was played last."""


@dataclass(frozen=True)
class Person:
    """A customer of one channel."""

    platform: str
    simulator: str
    receiver: str
    key: str
    """Phone number, business-scoped user id or page-scoped id."""
    name: str = ""

    def of(self, meta: MetaClient) -> Customer:
        """The person on a running simulator."""
        if self.platform == "messenger":
            return meta.messenger_customer(self.receiver, self.key)
        hidden = not self.key.isdigit()
        return meta.whatsapp_customer(
            self.receiver,
            "" if hidden else self.key,
            user_id=self.key if hidden else "",
            name=self.name,
        )


def new_key(platform: str, known_as: str) -> str:
    """Somebody whom the business has never met."""
    if platform == "whatsapp" and known_as == "bsuid":
        return f"US.{10**16 + secrets.randbelow(9 * 10**16)}"
    return f"3859{secrets.randbelow(10**8):08d}"


def person_of(
    platform: str,
    state: dict[str, Any],
    *,
    customer: str = "",
    known_as: str = "phone",
    name: str = "",
    again: bool = False,
    simulator: str = "",
    receiver: str = "",
) -> Person:
    """Who is meant; `again`: whoever was played last, if nobody was named."""
    last = str(state.get(LAST.format(platform=platform.upper()), "")) if again else ""
    return Person(
        platform,
        simulator or str(state["CHAT_META_GRAPH_URL"]),
        receiver or str(state[RECEIVERS[platform]]),
        customer or last or new_key(platform, known_as),
        name,
    )
