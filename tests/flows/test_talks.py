"""The talks that `chatctl eval` holds, with the demo shop on a platform of the tests' own."""

from pathlib import Path

from whole_platform import WholePlatform

from chatctl.evaluation.conversations import read_set
from chatctl.evaluation.talks import talk_through
from chatctl.seed_corpus import ACME
from chatctl.seeding import Seeder

TALKS = Path(__file__).parents[1] / "quality/talks/conversations.jsonl"


async def test_everything_that_must_be_true_of_the_demo_shops_answers_is(platform: WholePlatform):
    async with platform.api() as api:
        seeder = Seeder(api, "http://127.0.0.1")
        tenant_id = await seeder.tenant(ACME)
        await seeder.wait_searchable(tenant_id, await seeder.documents(tenant_id, ACME))
        talks = read_set(TALKS.read_text("utf-8"))
        report = await talk_through(api, tenant_id, talks, None, lambda *_: None)
    assert [check for check in report["checks"] if not check["held"]] == []
    assert report["turns"] >= len(talks)
