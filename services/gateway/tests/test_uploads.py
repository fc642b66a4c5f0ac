"""What becomes of a document that is given again."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from contracts.v1.documents import DocumentConfigured, DocumentReplaced, DocumentUploaded
from gateway.keeper import SameContent, WrongKind, _change, _There
from gateway.quotas import Quota, QuotaExceeded
from gateway.uploads import Content, Upload, Wanted, created, with_content, with_title

TENANT, NOW = uuid4(), datetime(2026, 11, 23, tzinfo=UTC)


def content(letter: str = "a", **more: Any) -> Content:
    fields = {"size_bytes": 1, "file_name": f"{letter}.txt", "media_type": "text/plain"}
    return Content(**{**fields, "sha256": letter * 64, **more})


def wanted(letter: str = "a", document_id: UUID | None = None, **more: Any) -> Wanted:
    fields = {"changes": {}, "content": content(letter)}
    return Wanted(document_id=document_id or uuid4(), **{**fields, **more})


def there(letter: str = "a", **more: Any) -> Upload:
    return replace(created(TENANT, wanted(letter), NOW).upload, **more)


def test_a_new_document_says_itself_and_its_properties() -> None:
    change = created(TENANT, wanted(external_id="x", changes={"tags": ("t",)}), NOW)
    assert [type(event) for event in change.events] == [DocumentUploaded, DocumentConfigured]
    assert (change.upload.title, change.upload.revision) == ("a.txt", 1)
    assert change.upload.configured().tags == ["t"]


def test_only_other_bytes_title_type_or_language_replace() -> None:
    same = with_content(there(), content(file_name="z.txt"), NOW)
    assert (same.outcome, same.events) == ("unchanged", ())
    for more in ({"title": "T"}, {"language": "hr"}, {"media_type": "text/markdown"}):
        change = with_content(there(), content(**more), NOW)
        assert (change.outcome, change.upload.replacement) == ("replaced", 1), more
        assert isinstance(change.events[0], DocumentReplaced)
    assert with_content(there(title="T"), content("b"), NOW).upload.title == "T"
    assert with_content(there(), content("b"), NOW).upload.title == "b.txt", "after its file"
    assert with_content(there(language="hr"), content(), NOW).outcome == "unchanged"


def test_the_same_bytes_come_back_after_a_rollback() -> None:
    change = with_content(there(is_rolled_back=True, replacement=3), content(), NOW)
    assert (change.outcome, change.upload.replacement) == ("replaced", 4)
    assert not change.upload.is_rolled_back
    assert with_title(there(title="T"), "T", NOW).outcome == "unchanged"


def test_who_is_meant_is_told_by_id_then_own_id_then_bytes() -> None:
    by_bytes, own, page = there("a"), there("b", external_id="x"), there("c", kind="web")
    removed = there("d", is_removed=True)
    known = _There([by_bytes, own, page, removed])

    def outcome(one: Wanted) -> tuple[str, UUID]:
        change = _change(TENANT, known, one, NOW)
        return change.outcome, change.upload.document_id

    assert outcome(wanted("a", changes={"enabled": False})) == ("updated", by_bytes.document_id)
    assert outcome(wanted("e", external_id="x")) == ("replaced", own.document_id)
    assert outcome(wanted("b"))[0] == "created", "named apart"
    assert outcome(wanted("c"))[0] == "created", "a page is told by its address"
    assert outcome(wanted("d", removed.document_id)) == ("removed", removed.document_id)
    assert outcome(wanted("e", page.document_id, kind="web"))[0] == "replaced"
    with pytest.raises(WrongKind):
        outcome(wanted("g", external_id="x", kind="text"))
    with pytest.raises(SameContent):
        outcome(wanted("a", known.kept(created(TENANT, wanted("f"), NOW)).upload.document_id))


def test_what_the_owner_knows_is_shown_with_what_the_tenant_said_last() -> None:
    owned = there("b").queued().model_copy(update={"stage": "ready", "percent": 100})
    late = there("a", replaced_at=NOW + timedelta(seconds=1))
    assert (late.shown(owned).stage, late.shown(owned).percent) == ("queued", 0)
    heard = owned.model_copy(update={"updated_at": NOW + timedelta(seconds=2)})
    assert late.shown(heard).stage == "ready", "it heard of it, and tells what it made of it"
    assert there("a").shown(owned).stage == "ready"


@pytest.mark.parametrize(
    ("used", "more", "fits"),
    [
        (Quota(9, 0), Quota(1, 0), True),
        (Quota(9, 0), Quota(2, 0), False),
        (Quota(0, 90), Quota(1, 10), True),
        (Quota(0, 90), Quota(1, 11), False),
        (Quota(50, 900), Quota(0, -1), True),
        (Quota(50, 900), Quota(0, 1), False),
        (Quota(50, 90), Quota(0, 1), True),
    ],
)
def test_quotas_stop_what_grows_beyond_them(used: Quota, more: Quota, fits: bool) -> None:
    if fits:
        Quota(10, 100).check(used, more)
        return
    with pytest.raises(QuotaExceeded) as refused:
        Quota(10, 100).check(used, more)
    assert refused.value.figures["documents_max"] == 10
    assert refused.value.figures["size_bytes"] == used.size_bytes
