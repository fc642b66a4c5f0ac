"""The takeover race: at whatever millisecond somebody takes over, the bot says nothing after it.

A turn here takes some 40 ms: a search, a model that wants a tool, the tool, the model's words. In
CI every millisecond is tried once and the ways of taking over take turns; CHAT_TEST_FULL=1 tries
every way at every millisecond, here and from another replica.
"""

import asyncio
import os

import pytest

from contracts.v1.models import CallAbandoned, ToolCall
from contracts.v1.sending import SendMessage
from contracts.v1.turns import ConversationUpdated

from .takeovers import TAKEOVERS

FULL = os.environ.get("CHAT_TEST_FULL") == "1"
MILLISECONDS = range(60)
WAYS = list(TAKEOVERS)
CASES = [(way, replica) for way in WAYS for replica in (1, 2)] if FULL else [(None, 1), (None, 2)]


@pytest.fixture
def slow_model(desk, say_reply):
    """Return nothing: the desk's model takes some 30 ms, with a tool in between."""

    async def answer(request):
        await asyncio.sleep(0.012)
        if any(message.role == "tool" for message in request.messages):
            return say_reply("You have 30 days [1].")
        call = ToolCall(call_id="1", name="search_knowledge_base", arguments='{"query": "days"}')
        return say_reply("", tool_calls=[call], finish_reason="tool_calls")

    desk.model_says(answer)


@pytest.mark.parametrize(
    ("way", "replica"), CASES, ids=[f"{way or 'every-way'}-{replica}" for way, replica in CASES]
)
async def test_the_bot_says_nothing_after_a_takeover(desk, slow_model, way, replica, capsys):
    parts = desk.parts if replica == 1 else desk.another_process()
    spoke_before = cut = 0
    for at in MILLISECONDS:
        visitor = f"visitor-{at}"
        take_over = TAKEOVERS[way or WAYS[at % len(WAYS)]]
        await desk.hear(desk.message("How long?", visitor=visitor))
        await asyncio.sleep(at / 1000)
        await take_over(desk, visitor, parts)
        (before,) = await desk.rows(
            "select ownership_number, last_seq,"
            " (select count(*) from messages m where m.conversation_id = c.conversation_id"
            "  and role = 'bot') as bots from conversations c where conversation_id = $1",
            desk.conversation_of(visitor),
        )
        await desk.parts.watch.look_once()
        await desk.idle()
        said = await desk.messages(visitor)
        bots = [seq for seq, role, _ in said if role == "bot"]
        assert len(said) == before["last_seq"], f"the bot spoke after the takeover at {at} ms"
        assert len(bots) == before["bots"]
        sends = [
            send
            for send in desk.outbox.heard(SendMessage)
            if send.conversation_id == desk.conversation_of(visitor) and send.author == "bot"
        ]
        assert [(send.seq, send.ownership_number) for send in sends] == [(seq, 1) for seq in bots]
        # Whoever refuses sends under a lower number than this refuses the bot's from now on.
        updated = [
            one.ownership_number
            for one in desk.outbox.heard(ConversationUpdated)
            if one.conversation_id == desk.conversation_of(visitor)
        ]
        assert updated == [2] == [before["ownership_number"]]
        spoke_before += bool(bots)
        cut += not bots
    abandoned = sum(isinstance(one, CallAbandoned) for one in desk.bus.streamed)
    with capsys.disabled():
        print(
            f" [{cut} turns cut, {spoke_before} answered before the takeover,"
            f" {abandoned} model calls stopped]",
            end="",
        )
    assert cut
    assert spoke_before
    assert abandoned
