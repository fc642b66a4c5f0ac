"""Versions that are kept, brought back and let go; a search that runs meanwhile sees one, whole."""

import asyncio
from typing import Any
from uuid import UUID, uuid4

import pytest

from bus import Refused
from contracts.v1.documents import (
    DocumentRemoved,
    DocumentSearchable,
    ListPassages,
    RollbackDocument,
)

pytest.importorskip("testkit", reason="needs a real database, which testkit finds or starts")

SWITCHES = 1_000
SEARCHERS = 2


async def roll_back(index: Any, tenant: UUID, document: UUID, version: int | None = None) -> Any:
    request = RollbackDocument.make(
        tenant_id=tenant, document_id=document, document_version=version
    )
    return await index.handlers.rollback_document(request)


async def test_the_version_before_can_be_brought_back_and_the_newer_again(index: Any) -> None:
    tenant, document = uuid4(), uuid4()
    for version in (1, 2, 3):
        await index.add(
            tenant, [f"The fee is {version} euro."], document_id=document, version=version
        )
    index.outbox.said.clear()
    answer = await roll_back(index, tenant, document)
    assert (answer.document_version, answer.passages) == (2, 1)
    assert await index.texts(tenant, "what is the fee", 20) == ["The fee is 2 euro."]
    assert [(type(one), one.document_version) for one in index.outbox.said] == [
        (DocumentSearchable, 2)
    ]
    assert (await roll_back(index, tenant, document, 3)).document_version == 3
    assert await index.texts(tenant, "what is the fee", 20) == ["The fee is 3 euro."]
    assert (await roll_back(index, tenant, document, 3)).document_version == 3


async def test_what_is_not_kept_or_not_known_is_refused(index: Any) -> None:
    tenant, document = uuid4(), uuid4()
    await index.add(tenant, ["one"], document_id=document)
    for asked, code in ((document, "not_kept"), (uuid4(), "not_found")):
        with pytest.raises(Refused) as refused:
            await roll_back(index, tenant, asked)
        assert refused.value.code == code
    for version in (2, 3):
        await index.add(tenant, ["more"], document_id=document, version=version)
    with pytest.raises(Refused, match="not kept"):
        await roll_back(index, tenant, document, 1)


async def test_batches_of_a_version_that_was_rolled_back_come_late(
    index: Any, batches_of: Any
) -> None:
    tenant, document = uuid4(), uuid4()
    await index.add(tenant, ["first text"], document_id=document)
    await index.add(tenant, ["second text"], document_id=document, version=2)
    await roll_back(index, tenant, document)
    for batch in batches_of(tenant, document, 2, ["second text"]):
        await index.hear(batch)
    assert await index.texts(tenant, "text", 20) == ["first text"]
    await index.add(tenant, ["third text"], document_id=document, version=3)
    assert await index.texts(tenant, "text", 20) == ["third text"]


async def test_a_version_is_not_kept_for_ever(index: Any) -> None:
    tenant, document = uuid4(), uuid4()
    await index.add(tenant, ["the old text"], document_id=document)
    await index.add(tenant, ["the new text"], document_id=document, version=2)
    async with index.database.system() as tx:
        await tx.execute(
            "update document_versions set superseded_at = now() - interval '31 days'"
            " where state = 'kept'"
        )
    while await index.cleaner.clean_piece():
        continue
    with pytest.raises(Refused, match="not kept"):
        await roll_back(index, tenant, document)
    async with index.database.system() as tx:
        assert await tx.fetchval("select count(*) from passages") == 1
        assert "old" not in await index.stored_terms(tx)


async def test_a_version_whose_keeping_ends_meanwhile_is_not_brought_back(index: Any) -> None:
    tenant, document = uuid4(), uuid4()
    for version in (1, 2):
        await index.add(tenant, [f"text {version}"], document_id=document, version=version)
    async with index.database.system() as tx:
        assert await index.upkeep.end_what_is_over(tx, 0.0)
        rollback = asyncio.create_task(roll_back(index, tenant, document, 1))
        from testkit import eventually_async

        await eventually_async(lambda: is_somebody_waiting(tx), "the rollback waits")
    with pytest.raises(Refused, match="not kept"):
        await rollback
    assert await index.texts(tenant, "text", 20) == ["text 2"]


async def is_somebody_waiting(tx: Any) -> bool:
    """For the end of a transaction."""
    waiting = "select count(*) from pg_locks where not granted and locktype = 'transactionid'"
    return bool(await tx.fetchval(waiting))


async def test_passages_are_listed_in_order_and_in_pages(index: Any) -> None:
    tenant, document = uuid4(), uuid4()
    texts = [f"passage number {number}" for number in range(40)]
    await index.add(tenant, texts, document_id=document)
    listed: list[str] = []
    first: int | None = 0
    while first is not None:
        request = ListPassages.make(
            tenant_id=tenant, document_id=document, from_ordinal=first, limit=17
        )
        page = await index.handlers.list_passages(request)
        listed += [passage.text for passage in page.passages]
        first = page.next_ordinal
    assert listed == texts
    with pytest.raises(Refused):
        await index.handlers.list_passages(request.model_copy(update={"document_id": uuid4()}))


async def test_long_words_make_a_page_shorter(index: Any) -> None:
    tenant, document = uuid4(), uuid4()
    vectors = [index.bus.vector("word")] * 40
    await index.add(tenant, ["word " * 3_200] * 40, document_id=document, vectors=vectors)
    request = ListPassages.make(tenant_id=tenant, document_id=document, from_ordinal=0, limit=100)
    page = await index.handlers.list_passages(request)
    assert len(page.passages) < 40
    assert page.next_ordinal == len(page.passages)


async def test_searches_during_a_thousand_switches_see_one_version_whole(index: Any) -> None:
    """Replaced, rolled back, removed and added, disabled and enabled; words are merged meanwhile.

    A document that stays must be in every answer; of the changing one every answer holds all
    passages of one version or, while it is disabled or away, none.
    """
    tenant, document = uuid4(), uuid4()
    await index.add(tenant, ["a steady bridge"])
    await index.add(tenant, three_of(1), document_id=document)
    changer = Changer(index, tenant, document)
    done = asyncio.Event()
    counts = await asyncio.gather(
        changer.change(done),
        *(watch(index, tenant, changer, done) for _ in range(SEARCHERS)),
        keep_up(index, done),
    )
    assert changer.switches >= SWITCHES
    assert sum(counts[1 : 1 + SEARCHERS]) >= 100


async def watch(index: Any, tenant: UUID, changer: "Changer", done: asyncio.Event) -> int:
    """Search until the changes end; answers how often."""
    searches = 0
    while not done.is_set():
        absences, absent = changer.absences, changer.absent
        outcome = await index.find(tenant, "bridge stones of the bridge", 10)
        texts = sorted(found.passage.text for found in outcome.found)
        assert "a steady bridge" in texts
        texts.remove("a steady bridge")
        versions = {text.split()[-1] for text in texts}
        assert len(versions) <= 1, texts
        was_there = changer.absences == absences and not absent
        assert len(texts) == 3 or (not texts and not was_there), texts
        assert not outcome.degraded
        searches += 1
        await asyncio.sleep(0.02)
    return searches


async def keep_up(index: Any, done: asyncio.Event) -> int:
    while not done.is_set():
        await index.cleaner.clean_piece()
        await asyncio.sleep(0.02)
    return 0


def three_of(version: int) -> list[str]:
    parts = ("first red granite stones arch", "second blue river water", "third oak road deck")
    return [f"{part} of bridge version{version}" for part in parts]


class Changer:
    """Changes one document in every way there is, over and over."""

    def __init__(self, index: Any, tenant: UUID, document: UUID) -> None:
        self._index = index
        self._tenant = tenant
        self._document = document
        self._version = 1
        self._revision = 0
        self.switches = 0
        self.absent = False
        self.absences = 0

    async def change(self, done: asyncio.Event) -> int:
        try:
            while self.switches < SWITCHES:
                await self._replace()
                for _ in range(6):
                    await roll_back(self._index, self._tenant, self._document)
                    self.switches += 1
                await self._disable_and_enable()
                if self._version % 6 == 0:
                    await self._remove_and_add()
        finally:
            done.set()
        return 0

    async def _replace(self) -> None:
        self._version += 1
        await self._index.add(
            self._tenant,
            three_of(self._version),
            document_id=self._document,
            version=self._version,
        )
        self.switches += 1

    async def _disable_and_enable(self) -> None:
        self._leave()
        for enabled in (False, True):
            self._revision += 1
            await self._index.configure(
                self._tenant, self._document, self._revision, enabled=enabled
            )
            self.switches += 1
        self.absent = False

    def _leave(self) -> None:
        self.absent = True
        self.absences += 1

    async def _remove_and_add(self) -> None:
        self._leave()
        async with self._index.database.transaction(self._tenant) as tx:
            await self._index.handlers.document_removed(
                DocumentRemoved.make(tenant_id=self._tenant, document_id=self._document), tx
            )
        self._document, self._version, self._revision = uuid4(), 1, 0
        await self._index.add(self._tenant, three_of(1), document_id=self._document)
        self.switches += 1
        self.absent = False
