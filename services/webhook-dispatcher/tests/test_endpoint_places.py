"""Quick endpoints are given more, slow ones only what runs at once."""

import asyncio
from uuid import uuid4

from webhook_dispatcher.endpoint_places import HELD_IN_ALL_MAX, HELD_WHEN_QUICK, EndpointPlaces


def test_allowances_follow_the_answers() -> None:
    places = EndpointPlaces(per_endpoint=4, in_all=200)
    endpoint = uuid4()
    assert places.room_of_known() == {}
    places.hold(endpoint)
    places.hold(endpoint)
    assert places.room_of_known() == {endpoint: 2}
    places.release(endpoint, quick=True)
    assert places.room_of_known() == {endpoint: HELD_WHEN_QUICK - 1}
    places.release(endpoint, quick=False)
    assert places.room_of_known() == {}


def test_what_is_held_in_all_is_bounded() -> None:
    places = EndpointPlaces(per_endpoint=4, in_all=200)
    for _ in range(HELD_IN_ALL_MAX):
        places.hold(uuid4())
    assert places.room() == 0


async def test_no_more_posts_than_places() -> None:
    places = EndpointPlaces(per_endpoint=2, in_all=3)
    endpoints = [uuid4(), uuid4()]
    running = dict.fromkeys(endpoints, 0)
    seen: list[tuple[int, int]] = []

    async def post(number: int) -> None:
        endpoint = endpoints[number % 2]
        places.hold(endpoint)
        async with places.posting(endpoint):
            running[endpoint] += 1
            seen.append((max(running.values()), sum(running.values())))
            await asyncio.sleep(0)
            running[endpoint] -= 1
        places.release(endpoint, quick=True)

    await asyncio.gather(*(post(number) for number in range(20)))
    assert max(most for most, _ in seen) == 2
    assert max(total for _, total in seen) == 3
    places.forget_idle()
    assert places.room_of_known() == {}
