"""The checker goes red on every kind of broken promise before its green is believed."""

import copy

import pytest
from outside_ledger import Conversation, problems


def healthy() -> Conversation:
    def message(seq: int, role: str, text: str, turn: str | None) -> dict:
        return {"seq": seq, "role": role, "text": text, "turn_id": turn, "delivery": "delivered"}

    return Conversation(
        customer="385",
        accepted=["wamid.1", "wamid.2"],
        sends=[
            {"biz_opaque_callback_data": "s1", "text": "first answer"},
            {"biz_opaque_callback_data": "s2", "text": "second answer"},
        ],
        messages=[
            message(1, "customer", "one", None),
            message(2, "bot", "first answer", "t1"),
            message(3, "customer", "two", None),
            message(4, "bot", "second answer", "t2"),
        ],
    )


def lose(one: Conversation) -> None:
    del one.messages[0]


def double(one: Conversation) -> None:
    one.messages.insert(1, {**one.messages[0], "seq": 1})


def send_twice(one: Conversation) -> None:
    one.sends.append(one.sends[0])


def answer_twice(one: Conversation) -> None:
    one.messages.append({**one.messages[1], "seq": 5})
    one.sends.append({"biz_opaque_callback_data": "s3", "text": "first answer"})


def invert(one: Conversation) -> None:
    one.sends.reverse()


def leave_unanswered(one: Conversation) -> None:
    one.messages.pop()
    one.sends.pop()


def claim_a_send_that_never_was(one: Conversation) -> None:
    one.sends.pop()


def test_a_healthy_conversation_has_no_problems():
    assert problems([healthy()]) == []


def test_a_visible_unknown_is_no_problem():
    one = healthy()
    one.messages[3]["delivery"] = "unknown"
    one.sends.pop()
    assert problems([one]) == []


@pytest.mark.parametrize(
    ("bug", "word"),
    [
        (lose, "LOST"),
        (double, "DOUBLED"),
        (send_twice, "SENT 2 TIMES"),
        (answer_twice, "TWO ANSWERS"),
        (invert, "OUT OF ORDER"),
        (leave_unanswered, "NEVER ANSWERED"),
        (claim_a_send_that_never_was, "said to be sent"),
    ],
)
def test_each_planted_bug_is_seen(bug, word):
    one = copy.deepcopy(healthy())
    bug(one)
    assert any(word in problem for problem in problems([one])), problems([one])
