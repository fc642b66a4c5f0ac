"""Stages, batches and identities of documents on their way to the index. Pure."""

import base64
import binascii
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from pathlib import PurePath
from typing import Literal
from uuid import UUID, uuid5

from contracts.v1.documents import ChunkingRule, VersionState
from rag_indexer.chunk_rules import SplitSettings, chunk_rule, spoken_rule
from rag_indexer.chunking import HEADING_SEPARATOR
from rag_indexer.parsed import Mark

Stage = Literal["queued", "reading", "splitting", "embedding", "storing", "ready", "failed"]

PERCENT: dict[Stage, int] = {
    "queued": 0,
    "reading": 5,
    "splitting": 15,
    "embedding": 20,
    "storing": 95,
    "ready": 100,
}
_EMBEDDED_PERCENT = 90

_CONTEXT_CHARACTERS = 110

BATCH_PASSAGES_MAX = 32
"""Texts in one question to llm-router and passages in one message."""

BATCH_BYTES_MAX = 200 * 1024
"""Of a message with much in it; the bus refuses 256 KiB."""

_PASSAGE_OVERHEAD_BYTES = 1_200

TRIES_MAX = 5
FIRST_DELAY_SECONDS = 1.0
LONGEST_DELAY_SECONDS = 60.0

MEDIA_TYPES = {
    "pdf": "application/pdf",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    "html": "text/html",
    "csv": "text/csv",
    "tsv": "text/tab-separated-values",
    "md": "text/markdown",
    "txt": "text/plain",
    "qa": "application/vnd.chat.qa+json",
}

EMBEDDING_UNAVAILABLE = (
    "The embedding model could not be reached for a long time. "
    "Ask an operator to look at it, then reindex the document."
)
FILE_MISSING = "The stored file is gone. Upload it again."
INTERNAL_ERROR = (
    "The document could not be processed, and it is not the document's fault. "
    "Reindex it; if that fails again, tell an operator."
)
WAITING = "Waiting for the embedding model; it goes on by itself."
RATE_LIMITED = "The embedding model's rate limit is reached; it goes on by itself."
SILENT_INDEX = (
    "The search index did not confirm the document. "
    "Reindex it; if that fails again, tell an operator."
)

PLATFORM_FAILURES = frozenset(
    {"internal_error", "embedding_unavailable", "embedding_refused", "file_missing"}
)
"""Codes of failures that are not the document's fault: it is tried again by itself."""

RECORD_KINDS = frozenset({"text", "qa"})
"""Written by the platform itself: read without a child process."""

_GENERATED_TITLES = ("microsoft word", "untitled", "powerpoint", "document1")


class InvalidCursor(ValueError):
    """The cursor was not given by `cursor_of`."""


@dataclass(frozen=True)
class TenantChoice:
    """What a document follows: its tenant's settings, and its own rule if it has one."""

    split: SplitSettings = field(default_factory=SplitSettings)
    own_chunking: ChunkingRule | None = None
    language: str | None = None
    embedding_model: str | None = None
    quota_passages: int | None = None

    def rule(self, model: str) -> ChunkingRule:
        """How the document is split for this model."""
        return spoken_rule(chunk_rule(self.split, model, self.own_chunking))


ReindexReason = Literal["asked", "embedding_model", "chunking"]


def reindex_reason(before: TenantChoice | None, now: TenantChoice) -> ReindexReason | None:
    """Why new settings ask for all documents to be redone; None when they do not."""
    if before is None:
        return None
    if before.embedding_model != now.embedding_model:
        return "embedding_model"
    return "chunking" if before.split != now.split else None


def quota_sentence(passages: int, quota: int, others: int) -> str:
    """Why a document does not fit any more, and what to do."""
    return (
        f"The document has {passages:,} passages and there is room for {max(quota - others, 0):,} "
        f"of {quota:,}. Delete documents or have the quota raised, then reindex this one."
    )


def refusal_sentence(model: str, code: str) -> str:
    """Why a model gave no vectors, for somebody who can choose another one."""
    return (
        f"The embedding model {model[:200]} refused ({code}). "
        "Check its name and its key in the settings, then reindex the document."
    )


def needs_rebuild(
    reason: ReindexReason,
    *,
    state: str,
    code: str | None,
    is_read: bool,
    as_wanted: bool,
) -> bool:
    """Whether reindexing everything means this version; `as_wanted`: model and rule are right.

    One that is not read yet follows the new settings by itself; one that failed for a reason of
    its own fails again, so it is redone only if somebody asked.
    """
    if state == "open" and not is_read:
        return False
    if reason == "asked":
        return True
    if state == "failed":
        return code in PLATFORM_FAILURES
    return not as_wanted


def version_state(
    state: str, version: int, live_version: int, kept_version: int | None
) -> VersionState:
    """What a version is to people; `kept_version` is the one that answered before."""
    if state in {"open", "said"}:
        return "building"
    if state == "failed":
        return "failed"
    if state == "done" and version == live_version:
        return "live"
    return "kept" if state == "done" and version == kept_version else "superseded"


def is_shown(
    version: int, *, was_done: bool, live_version: int, latest_version: int, latest_state: str
) -> bool:
    """Whether people see the document as ready when the index says that `version` answers.

    A newer one that is being built, or that failed, is what they see, unless somebody rolled back.
    """
    if version == latest_version:
        return True
    rolled_back = was_done and version != live_version
    return rolled_back and latest_state not in {"open", "said"}


def heading_path(headings: Sequence[str]) -> str | None:
    """`Returns > Refunds`, or None; the innermost headings are kept when it is too long."""
    kept: list[str] = []
    length = 0
    for heading in reversed(headings):
        length += len(heading) + len(HEADING_SEPARATOR)
        if kept and length > 500:
            break
        kept.insert(0, heading)
    return HEADING_SEPARATOR.join(kept) or None


def outline(marks: Sequence[Mark]) -> list[str]:
    """The headings of a document in order, each once as a path, at most two hundred."""
    paths = (heading_path(mark.headings) for mark in marks)
    return [path[:512] for path in islice(dict.fromkeys(path for path in paths if path), 200)]


def embedded_text(title: str, headings: Sequence[str], text: str) -> str:
    """What the model reads: where the passage stands, in one short line, and its words."""
    path = HEADING_SEPARATOR.join((title, *headings[-2:]))
    return f"{path[:_CONTEXT_CHARACTERS]}\n{text}"


def passage_id(document_id: UUID, version: int, ordinal: int) -> UUID:
    """The same passage of the same version has the same identity, however often it is made."""
    return uuid5(document_id, f"passage:{version}:{ordinal}")


def batch_message_id(document_id: UUID, version: int, batch: int, repeats: int = 0) -> UUID:
    """So that a batch that is said twice is heard once, unless it is said again on purpose."""
    again = f":{repeats}" if repeats else ""
    return uuid5(document_id, f"batch:{version}:{batch}{again}")


def vector_text_bytes(dimensions: int) -> int:
    """Bytes of a vector as it travels."""
    return (dimensions * 4 + 2) // 3 * 4


def plan_batches(text_bytes: Sequence[int], dimensions: int) -> list[int]:
    """The batch (from 1) of each passage: bounded in passages and in bytes of its message."""
    vector_bytes = vector_text_bytes(dimensions)
    batches: list[int] = []
    number, passages, size = 1, 0, 0
    for text in text_bytes:
        cost = text + vector_bytes + _PASSAGE_OVERHEAD_BYTES
        if passages and (passages == BATCH_PASSAGES_MAX or size + cost > BATCH_BYTES_MAX):
            number, passages, size = number + 1, 0, 0
        batches.append(number)
        passages += 1
        size += cost
    return batches


def fit_count(sizes_bytes: Iterable[int], bytes_max: int = BATCH_BYTES_MAX) -> int:
    """How many parts, from the first one on, go into one answer; one at least, or no list ends."""
    count = total = 0
    for size in sizes_bytes:
        total += size
        if count and total > bytes_max:
            break
        count += 1
    return count


def embedding_percent(done: int, batches: int) -> int:
    """From 20 with nothing embedded to 90 with everything."""
    span = _EMBEDDED_PERCENT - PERCENT["embedding"]
    return PERCENT["embedding"] + span * done // max(batches, 1)


def reading_percent(done: int, total: int) -> int:
    """From 5 with nothing read to 15 with everything."""
    span = PERCENT["splitting"] - PERCENT["reading"]
    return PERCENT["reading"] + span * min(done, total) // max(total, 1)


def worth_saying(before: int, after: int, seconds: float) -> bool:
    """Progress is said every five percent, and not more than once a second."""
    return after - before >= 5 and seconds >= 1.0


def delay_seconds(tries: int) -> float:
    """1, 2, 4 … up to 60 seconds."""
    return float(min(FIRST_DELAY_SECONDS * 2 ** min(tries, 10), LONGEST_DELAY_SECONDS))


def title_of(given: str, file_name: str, found: str | None) -> str:
    """The uploader's own title; else the document's, if a person wrote it; else the file's name."""
    if given and given != file_name:
        return given
    if found and not found.lower().startswith(_GENERATED_TITLES) and len(found) > 2:
        return found[:500]
    return PurePath(file_name).stem.replace("_", " ").strip() or file_name or "Document"


def cursor_of(created_at: datetime, document_id: UUID) -> str:
    """Where a page of documents ended."""
    return base64.urlsafe_b64encode(f"{created_at.isoformat()}|{document_id}".encode()).decode()


def read_cursor(cursor: str) -> tuple[datetime, UUID]:
    """What `cursor_of` wrote; raises `InvalidCursor`."""
    try:
        text = base64.urlsafe_b64decode(cursor.encode()).decode()
        when, _, document_id = text.partition("|")
        at = datetime.fromisoformat(when)
        if at.tzinfo is None:
            raise InvalidCursor("without a time zone")
        return at, UUID(document_id)
    except (ValueError, binascii.Error) as damage:
        raise InvalidCursor("not a cursor of this list") from damage
