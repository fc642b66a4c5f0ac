"""What all items of one change of a WhatsApp body share: its number, its people, its time."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from channel_ingress.content import NAME_LIMIT
from channel_ingress.items import Item, Person, Update
from channel_ingress.reading import (
    MALFORMED,
    Json,
    clipped,
    digest_key,
    identifier,
    item_of,
    json_text,
    optional_identifier,
    unreadable_item,
)

_USER_ID = re.compile(r"[A-Z]{2}\.")
"""A business-scoped user id such as `US.1349…`."""
_NO_DIGITS = re.compile(r"[^0-9]")
PHONE_DIGITS_MAX = 32


class People:
    """The profiles of a change, by number and by user id."""

    def __init__(self, contacts: object) -> None:
        self._known: dict[str, Json] = {}
        for contact in contacts if isinstance(contacts, list) else ():
            if isinstance(contact, dict):
                for key in ("wa_id", "user_id"):
                    if isinstance(contact.get(key), str):
                        self._known[contact[key]] = contact

    def person(self, number: object, user_id: object) -> Person | None:
        """Whoever has this number or user id, with all that the change says of them."""
        phone, scoped = optional_identifier(number), optional_identifier(user_id)
        if phone is not None and _USER_ID.match(phone):
            phone, scoped = None, scoped or phone
        contact = self._known.get(phone or "") or self._known.get(scoped or "") or {}
        phone = phone or optional_identifier(contact.get("wa_id"))
        scoped = scoped or optional_identifier(contact.get("user_id"))
        external_id = phone or scoped
        if external_id is None:
            return None
        profile = contact.get("profile")
        profile = profile if isinstance(profile, dict) else {}
        return Person(
            external_id,
            display_name=clipped(profile.get("name"), NAME_LIMIT),
            phone=phone_of(phone),
            user_id=scoped,
            username=clipped(profile.get("username") or contact.get("username"), NAME_LIMIT),
        )


@dataclass(frozen=True, slots=True)
class Frame:
    """The surroundings of the items of one change."""

    address: str
    """phone_number_id; empty where the change names none."""
    account: str
    """WhatsApp business account."""
    stamp: object
    """The entry's `time`: the same notice at another time is another one."""
    field: str
    change: Json
    value: Json
    people: People
    received_at: datetime

    @classmethod
    def of(cls, change: Any, account: str, stamp: object, received_at: datetime) -> Frame:
        """Read what is shared; raises one of MALFORMED."""
        value, field = change["value"], change["field"]
        if not isinstance(value, dict) or not isinstance(field, str):
            raise TypeError("a change has no object as value or no text as field")
        address = identifier(value["metadata"]["phone_number_id"]) if "metadata" in value else ""
        people = People(value.get("contacts"))
        return cls(address, account, stamp, field, change, value, people, received_at)

    def each(self, key: str, read: Callable[[Frame, Any], Item]) -> Iterator[Item]:
        """An item of every element of a list of the value."""
        yield from self.each_of(self.value, key, read)

    def each_of(self, holder: Json, key: str, read: Callable[[Frame, Any], Item]) -> Iterator[Item]:
        """An item of every element of a list; one that cannot be read loses no other."""
        sources = holder.get(key)
        if sources is None:
            return
        if not isinstance(sources, list):
            error = TypeError(f"{key} is no list")
            yield unreadable_item(self.address, {key: sources}, error)
            return
        for source in sources:
            try:
                yield read(self, source)
            except MALFORMED as error:
                yield unreadable_item(self.address, source, error)

    def update(self, source: Any, update: Update) -> Item:
        """An item without an id of its own."""
        key = digest_key(update.kind, json_text([self.account, self.stamp, self.field, source]))
        return replace(item_of(self.address, key, source, update), account=self.account)

    def is_business(self, number: object) -> bool:
        """Whether this is the number of the business itself."""
        metadata = self.value.get("metadata")
        own = metadata.get("display_phone_number") if isinstance(metadata, dict) else None
        return digits_of(number) != "" and digits_of(number) == digits_of(own)


def digits_of(number: object) -> str:
    """The digits of a number however it is written; empty for anything else."""
    return _NO_DIGITS.sub("", number) if isinstance(number, str) else ""


def phone_of(number: str | None) -> str | None:
    """A phone number in digits, where it is one."""
    bare = (number or "").removeprefix("+")
    is_phone = bare.isascii() and bare.isdecimal() and len(bare) <= PHONE_DIGITS_MAX
    return bare if is_phone else None
