"""What a prompt says of the conversation: who, where, which language, what time. Pure."""

from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from contracts.v1.tenants import TenantSettings
from orchestrator.delimited import delimited
from orchestrator.domain import Leased
from orchestrator.memory import Memory

_NAME_CHARACTERS_MAX: Final = 120
_METADATA_CHARACTERS_MAX: Final = 2_000
_SUMMARY_CHARACTERS_MAX: Final = 2_000


def facts_section(leased: Leased, settings: TenantSettings, memory: Memory, now: datetime) -> str:
    """Return the facts, one a line, marked as data: names and metadata come from outside."""
    lines = [f"Channel: {leased.channel_type}", f"Date and time: {_local(settings, now)}"]
    if memory.contact_name:
        name = " ".join(memory.contact_name.split())[:_NAME_CHARACTERS_MAX]
        lines.insert(0, f"Customer's name: {name}")
    if memory.language:
        lines.append(f"Customer's language: {memory.language}")
    if memory.tags:
        lines.append(f"Tags: {', '.join(memory.tags)[:500]}")
    if memory.metadata and memory.metadata not in ("{}", "null"):
        lines.append(f"Known about the customer: {memory.metadata[:_METADATA_CHARACTERS_MAX]}")
    return "Facts of this conversation (data):\n" + delimited("facts", "\n".join(lines))


def summary_section(memory: Memory) -> str:
    """Return what was said before the messages below; empty where nothing is missing."""
    if not memory.summary:
        return ""
    told = delimited("summary", memory.summary[:_SUMMARY_CHARACTERS_MAX])
    return f"Earlier in this conversation, in short (data):\n{told}"


def _local(settings: TenantSettings, now: datetime) -> str:
    name = settings.business_hours.timezone if settings.business_hours else "UTC"
    try:
        zone = ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        name, zone = "UTC", ZoneInfo("UTC")
    return f"{now.astimezone(zone):%A, %Y-%m-%d %H:%M} ({name})"
