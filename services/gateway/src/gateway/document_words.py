"""What may be said of a document: tags, metadata, expiry, chunking, language, own ids. Pure."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Final

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, Field

from contracts.v1.documents import ChunkingRule, MetadataEntry
from gateway.words import printable

_UNSAFE: Final = re.compile(r"[\x00-\x1f\x7f\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
_LANGUAGE: Final = r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,2}$"
_YEAR_MIN, _YEAR_MAX = 1970, 9000


def one_line(text: str) -> str:
    """Text for a list of documents: no control or direction characters, no blanks around it."""
    return _UNSAFE.sub("", printable(text)).strip()


def _visible(text: str) -> str:
    cleaned = one_line(text)
    if not cleaned:
        raise ValueError("it needs a character that can be seen")
    return cleaned


def _unique_tags(tags: list[str]) -> list[str]:
    return list(dict.fromkeys(tags))


def _entries(value: Any) -> Any:
    """`{"department": "sales"}` is taken as well."""
    if isinstance(value, Mapping):
        return [{"name": name, "value": text} for name, text in value.items()]
    return value


def _unique_names(entries: list[MetadataEntry]) -> list[MetadataEntry]:
    names = [entry.name for entry in entries]
    if len(set(names)) < len(names):
        raise ValueError("a name may be given once only")
    if any("\x00" in entry.name + entry.value for entry in entries):
        raise ValueError("NUL characters are not accepted in texts")
    return entries


def _in_utc(at: datetime) -> datetime:
    try:
        moved = at.astimezone(UTC)
    except OverflowError:
        raise ValueError("this is no date we can keep") from None
    if not _YEAR_MIN <= moved.year <= _YEAR_MAX:
        raise ValueError("this is no date we can keep")
    return moved


def _whole_rule(value: Any) -> Any:
    """No overlap and no parents unless they are named."""
    if isinstance(value, Mapping):
        return {"overlap_tokens": 0, "parent_tokens": None, **value}
    return value


def sound_rule(rule: ChunkingRule) -> ChunkingRule:
    """The rule, if its lengths fit each other."""
    if rule.overlap_tokens >= rule.tokens:
        raise ValueError("overlap_tokens must be less than tokens")
    if rule.parent_tokens is not None and rule.parent_tokens <= rule.tokens:
        raise ValueError("parent_tokens must be more than tokens")
    return rule


TagText = Annotated[str, Field(min_length=1, max_length=64), AfterValidator(_visible)]
TagList = Annotated[list[TagText], Field(max_length=32), AfterValidator(_unique_tags)]
MetadataList = Annotated[
    list[MetadataEntry],
    Field(max_length=32),
    BeforeValidator(_entries),
    AfterValidator(_unique_names),
]
Expiry = Annotated[AwareDatetime, AfterValidator(_in_utc)]
SoundRule = Annotated[ChunkingRule, BeforeValidator(_whole_rule), AfterValidator(sound_rule)]
Language = Annotated[str, Field(max_length=16, pattern=_LANGUAGE)]
Reranker = Annotated[str, Field(max_length=512, pattern=r"^(none|[A-Za-z0-9_.-]+/[!-~]+)$")]
OwnId = Annotated[str, Field(min_length=1, max_length=512), AfterValidator(_visible)]
Title = Annotated[str, Field(min_length=1, max_length=500), AfterValidator(_visible)]


class Chosen(BaseModel):
    """Properties as a body names them: what is absent stays as it is, or takes its default."""

    enabled: bool | None = Field(None, description="Whether searches may see it.")
    expires_at: Expiry | None = Field(
        None, description="From then on searches do not see it; null: never."
    )
    tags: TagList | None = Field(None, description="For filters.")
    metadata: MetadataList | None = Field(
        None, description="For filters; an object of names and values is taken too."
    )


class Said(Chosen):
    """Properties of a document that is split."""

    chunking: SoundRule | None = Field(
        None, description="How it is split; null: as the tenant chose."
    )


def changes_of(said: BaseModel) -> dict[str, Any]:
    """The properties that a body names, as `Properties` holds them."""
    changes: dict[str, Any] = {}
    for name in Said.model_fields:
        if name not in said.model_fields_set:
            continue
        value = getattr(said, name)
        if name == "enabled" and value is None:
            continue
        is_list = name in {"tags", "metadata"}
        changes[name] = tuple(value or ()) if is_list else value
    return changes
