"""From a heard event to a recorded delivery, on a real database with real POSTs."""

from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import pytest

from bus import Refused
from contracts.v1.channels import MessageReceived
from contracts.v1.webhooks import (
    CreateEndpoint,
    Delivery,
    EndpointDisabled,
    EndpointSaved,
    GetEndpoint,
    ListDeliveries,
    ListEndpoints,
    RedeliverEvent,
    RemoveEndpoint,
    SendTestEvent,
    UpdateEndpoint,
)
from outbox import RetryLater
from testkit.polling import eventually_async

Make = Callable[..., MessageReceived]


async def create(desk: Any, tenant_id: UUID, url: str, *types: str) -> EndpointSaved:
    request = CreateEndpoint.make(
        tenant_id=tenant_id, url=url, description="mine", event_types=list(types)
    )
    saved: EndpointSaved = await desk.requests.create(request)
    return saved


async def deliveries(desk: Any, tenant_id: UUID, endpoint_id: UUID) -> list[Delivery]:
    request = ListDeliveries.make(
        tenant_id=tenant_id, endpoint_id=endpoint_id, cursor=None, limit=200
    )
    listed: list[Delivery] = (await desk.requests.list_deliveries(request)).deliveries
    return listed


async def settled(desk: Any, tenant_id: UUID, endpoint_id: UUID, tries: int = 1) -> Delivery:
    async def look() -> Delivery | None:
        for delivery in await deliveries(desk, tenant_id, endpoint_id):
            if len(delivery.attempts) >= tries:
                return delivery
        return None

    found = await eventually_async(look, f"a delivery with {tries} tries")
    assert found is not None
    return found


async def make_due(desk: Any) -> None:
    async with desk.database.system() as tx:
        await tx.execute("update deliveries set next_attempt_at = now() where state = 'pending'")
    desk.dispatcher.wake()


async def test_an_event_reaches_its_endpoint_once(
    desk: Any, receiver: Any, message_received: Make
) -> None:
    tenant_id = await desk.announce("acme")
    other_id = await desk.announce("other")
    saved = await create(desk, tenant_id, f"{receiver.url}/ok", "message.*")
    unwanted = await create(desk, tenant_id, f"{receiver.url}/unwanted", "document.*")
    foreign = await create(desk, other_id, f"{receiver.url}/foreign")
    event = message_received(tenant_id)
    await desk.hear(event)
    await desk.hear(event)
    await desk.dispatcher.start(desk.life)
    delivery = await settled(desk, tenant_id, saved.endpoint.endpoint_id)
    assert (delivery.state, delivery.event_id) == ("delivered", event.message_id)
    (attempt,) = delivery.attempts
    assert (attempt.attempt, attempt.status_code, attempt.answer) == (1, 200, "thanks")
    assert [post.headers["webhook-id"] for post in receiver.posts] == [str(event.message_id)]
    assert not await deliveries(desk, tenant_id, unwanted.endpoint.endpoint_id)
    assert not await deliveries(desk, other_id, foreign.endpoint.endpoint_id)
    assert len(desk.published) == 3


async def test_a_batch_of_two_tenants_is_not_mixed(
    desk: Any, receiver: Any, message_received: Make
) -> None:
    first_id, second_id = await desk.announce("first"), await desk.announce("second")
    first = await create(desk, first_id, f"{receiver.url}/first")
    second = await create(desk, second_id, f"{receiver.url}/second")
    events = [message_received(tenant_id) for tenant_id in (first_id, second_id)]
    await desk.hear(*events)
    for tenant_id, saved, event in zip((first_id, second_id), (first, second), events, strict=True):
        planned = await deliveries(desk, tenant_id, saved.endpoint.endpoint_id)
        assert [delivery.event_id for delivery in planned] == [event.message_id]


async def test_an_unannounced_tenant_waits(desk: Any, message_received: Make) -> None:
    with pytest.raises(RetryLater):
        await desk.hear(message_received(uuid4()))
    async with desk.database.system() as tx:
        await desk.handlers.ask_for_tenants(tx)
        assert await tx.fetchval("select count(*) from event_log") == 0
    assert [command.service for command in desk.bus.said] == ["webhook-dispatcher"]


async def test_a_failing_receiver_is_tried_again_under_the_same_id(
    desk: Any, receiver: Any, message_received: Make
) -> None:
    tenant_id = await desk.announce("acme")
    saved = await create(desk, tenant_id, f"{receiver.url}/flaky")
    await desk.hear(message_received(tenant_id))
    await desk.dispatcher.start(desk.life)
    endpoint_id = saved.endpoint.endpoint_id
    for tries in (1, 2):
        delivery = await settled(desk, tenant_id, endpoint_id, tries)
        assert delivery.state == "pending"
        assert delivery.next_attempt_at is not None
        await make_due(desk)
    delivery = await settled(desk, tenant_id, endpoint_id, 3)
    assert delivery.state == "delivered"
    assert [attempt.status_code for attempt in delivery.attempts] == [503, 503, 204]
    assert len({post.headers["webhook-id"] for post in receiver.posts}) == 1
    async with desk.database.system() as tx:
        assert await tx.fetchval("select failing_since from endpoints") is None


async def test_gone_disables_cancels_and_says_so(
    desk: Any, receiver: Any, message_received: Make
) -> None:
    tenant_id = await desk.announce("acme")
    saved = await create(desk, tenant_id, f"{receiver.url}/gone")
    endpoint_id = saved.endpoint.endpoint_id
    await desk.hear(*(message_received(tenant_id) for _ in range(12)))
    await desk.dispatcher.start(desk.life)

    async def disabled() -> bool:
        get = GetEndpoint.make(tenant_id=tenant_id, endpoint_id=endpoint_id)
        return not (await desk.requests.get(get)).endpoint.enabled

    await eventually_async(disabled, "the endpoint is switched off")
    states = {delivery.state for delivery in await deliveries(desk, tenant_id, endpoint_id)}
    assert states == {"cancelled"}
    (said,) = desk.bus.heard(EndpointDisabled)
    assert (said.endpoint_id, said.tenant_id) == (endpoint_id, tenant_id)
    await desk.hear(message_received(tenant_id))
    assert len(await deliveries(desk, tenant_id, endpoint_id)) == 12


async def test_five_days_of_failures_disable(
    desk: Any, receiver: Any, message_received: Make
) -> None:
    tenant_id = await desk.announce("acme")
    saved = await create(desk, tenant_id, f"{receiver.url}/fail")
    async with desk.database.system() as tx:
        await tx.execute("update endpoints set failing_since = now() - interval '121 hours'")
    await desk.hear(message_received(tenant_id))
    await desk.dispatcher.start(desk.life)
    delivery = await settled(desk, tenant_id, saved.endpoint.endpoint_id)
    assert delivery.state == "cancelled"
    assert "120 hours" in desk.bus.heard(EndpointDisabled)[0].reason


async def test_a_crashed_claim_is_taken_up_after_its_lease(
    desk: Any, receiver: Any, message_received: Make
) -> None:
    tenant_id = await desk.announce("acme")
    saved = await create(desk, tenant_id, f"{receiver.url}/ok")
    await desk.hear(message_received(tenant_id))
    async with desk.database.system() as tx:
        claim = {"per_endpoint": 4, "limit": 10, "lease_seconds": 1.0}
        (lost,) = await desk.store.claim_due(tx, {}, **claim)
        assert not await desk.store.claim_due(tx, {}, **claim)
    assert lost.claim == 1
    await desk.dispatcher.start(desk.life)
    delivery = await settled(desk, tenant_id, saved.endpoint.endpoint_id)
    assert delivery.state == "delivered"
    assert [attempt.attempt for attempt in delivery.attempts] == [1]


async def test_a_hanging_endpoint_holds_only_its_own_places(
    desk: Any, receiver: Any, message_received: Make
) -> None:
    tenant_id = await desk.announce("acme")
    hanging = await create(desk, tenant_id, f"{receiver.url}/hang")
    healthy = await create(desk, tenant_id, f"{receiver.url}/ok")
    await desk.hear(*(message_received(tenant_id) for _ in range(40)))
    await desk.dispatcher.start(desk.life)

    async def all_healthy() -> bool:
        found = await deliveries(desk, tenant_id, healthy.endpoint.endpoint_id)
        return all(delivery.state == "delivered" for delivery in found)

    await eventually_async(all_healthy, "the healthy endpoint has everything", 10)
    waiting = await deliveries(desk, tenant_id, hanging.endpoint.endpoint_id)
    assert sum(len(delivery.attempts) for delivery in waiting) <= 16
    assert len(receiver.at("/ok")) == 40


async def test_endpoints_are_kept_listed_changed_and_removed(desk: Any, receiver: Any) -> None:
    tenant_id = await desk.announce("acme")
    saved = await create(desk, tenant_id, f"{receiver.url}/ok", "message.*")
    endpoint_id = saved.endpoint.endpoint_id
    assert saved.secret is not None
    assert saved.secret.startswith("whsec_")
    async with desk.database.system() as tx:
        sealed = await tx.fetchval("select sealed from endpoint_secrets")
    assert saved.secret not in sealed
    change = UpdateEndpoint.make(
        tenant_id=tenant_id,
        endpoint_id=endpoint_id,
        url=None,
        description="changed",
        event_types=None,
        enabled=False,
        rotate_secret=True,
    )
    changed = await desk.requests.update(change)
    assert changed.secret not in {None, saved.secret}
    assert (changed.endpoint.description, changed.endpoint.enabled) == ("changed", False)
    assert changed.endpoint.event_types == ["message.*"]
    listed = await desk.requests.list_all(ListEndpoints.make(tenant_id=tenant_id))
    assert [endpoint.endpoint_id for endpoint in listed.endpoints] == [endpoint_id]
    await desk.requests.remove(RemoveEndpoint.make(tenant_id=tenant_id, endpoint_id=endpoint_id))
    with pytest.raises(Refused, match="not_found"):
        await desk.requests.get(GetEndpoint.make(tenant_id=tenant_id, endpoint_id=endpoint_id))


async def test_another_tenants_endpoint_does_not_exist(
    desk: Any, receiver: Any, message_received: Make
) -> None:
    owner_id, thief_id = await desk.announce("owner"), await desk.announce("thief")
    saved = await create(desk, owner_id, f"{receiver.url}/ok")
    event = message_received(owner_id)
    await desk.hear(event)
    ids = {"tenant_id": thief_id, "endpoint_id": saved.endpoint.endpoint_id}
    attempts = [
        (desk.requests.get, GetEndpoint.make(**ids)),
        (desk.requests.remove, RemoveEndpoint.make(**ids)),
        (desk.requests.send_test, SendTestEvent.make(**ids)),
        (desk.requests.redeliver, RedeliverEvent.make(event_id=event.message_id, **ids)),
        (desk.requests.list_deliveries, ListDeliveries.make(cursor=None, limit=1, **ids)),
    ]
    for answer, request in attempts:
        with pytest.raises(Refused) as refusal:
            await answer(request)
        assert refusal.value.code == "not_found"
    listed = await desk.requests.list_all(ListEndpoints.make(tenant_id=thief_id))
    assert listed.endpoints == []


async def test_test_events_and_redelivery(desk: Any, receiver: Any, message_received: Make) -> None:
    tenant_id = await desk.announce("acme")
    saved = await create(desk, tenant_id, f"{receiver.url}/ok", "document.*")
    ids = {"tenant_id": tenant_id, "endpoint_id": saved.endpoint.endpoint_id}
    queued = await desk.requests.send_test(SendTestEvent.make(**ids))
    await desk.dispatcher.start(desk.life)
    await settled(desk, tenant_id, saved.endpoint.endpoint_id)
    again = RedeliverEvent.make(event_id=queued.event_id, **ids)
    await desk.requests.redeliver(again)
    delivery = await settled(desk, tenant_id, saved.endpoint.endpoint_id, 2)
    assert delivery.state == "delivered"
    event = message_received(tenant_id)
    await desk.hear(event)
    await desk.requests.redeliver(RedeliverEvent.make(event_id=event.message_id, **ids))

    async def three_posts() -> bool:
        return len(receiver.posts) == 3

    await eventually_async(three_posts, "the filtered event was sent on demand")
    assert receiver.posts[2].headers["webhook-id"] == str(event.message_id)


async def test_pages_and_forged_cursors(desk: Any, receiver: Any, message_received: Make) -> None:
    tenant_id = await desk.announce("acme")
    saved = await create(desk, tenant_id, f"{receiver.url}/ok")
    await desk.hear(*(message_received(tenant_id) for _ in range(5)))
    seen, cursor = [], None
    ids = {"tenant_id": tenant_id, "endpoint_id": saved.endpoint.endpoint_id}
    for _ in range(3):
        request = ListDeliveries.make(cursor=cursor, limit=2, **ids)
        page = await desk.requests.list_deliveries(request)
        seen += [delivery.delivery_id for delivery in page.deliveries]
        cursor = page.next_cursor
    assert cursor is None
    assert len(set(seen)) == 5
    with pytest.raises(Refused, match="invalid_cursor"):
        await desk.requests.list_deliveries(ListDeliveries.make(cursor="1; x", limit=2, **ids))


@pytest.mark.parametrize("url", ["ftp://example.com/", "http://u:p@example.com/", "nonsense"])
async def test_bad_urls_are_refused(desk: Any, url: str) -> None:
    tenant_id = await desk.announce("acme")
    with pytest.raises(Refused, match="invalid_url"):
        await create(desk, tenant_id, url)


@pytest.mark.parametrize("pattern", ["message.recieved", "massage.*", "message", "*.received"])
async def test_a_filter_that_no_event_passes_is_refused(desk: Any, pattern: str) -> None:
    tenant_id = await desk.announce("acme")
    with pytest.raises(Refused, match="invalid_event_type") as refused:
        await create(desk, tenant_id, "https://example.com/", "message.*", pattern)
    assert pattern in refused.value.detail
    saved = await create(desk, tenant_id, "https://example.com/", "*", "webhook.test")
    change = UpdateEndpoint.make(
        tenant_id=tenant_id,
        endpoint_id=saved.endpoint.endpoint_id,
        url=None,
        description=None,
        event_types=[pattern],
        enabled=None,
        rotate_secret=False,
    )
    with pytest.raises(Refused, match="invalid_event_type"):
        await desk.requests.update(change)


async def test_the_quota(desk: Any, receiver: Any) -> None:
    tenant_id = await desk.announce("acme")
    for number in range(20):
        await create(desk, tenant_id, f"{receiver.url}/ok{number}")
    with pytest.raises(Refused, match="quota_exceeded"):
        await create(desk, tenant_id, f"{receiver.url}/one-too-many")


async def test_old_events_are_forgotten_but_not_what_is_pending(
    desk: Any, receiver: Any, message_received: Make
) -> None:
    tenant_id = await desk.announce("acme")
    await desk.hear(message_received(tenant_id))
    await create(desk, tenant_id, f"{receiver.url}/ok")
    kept = message_received(tenant_id)
    await desk.hear(kept)
    async with desk.database.system() as tx:
        await tx.execute("delete from unpublished_events")
        await tx.execute("update event_log set logged_at = now() - interval '31 days'")
        assert await desk.store.forget_old(tx, 30, 100) == 2
        rows = await tx.fetch("select event_id from event_log")
    assert [row["event_id"] for row in rows] == [kept.message_id]
