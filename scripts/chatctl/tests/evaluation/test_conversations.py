"""Sets of conversations: what is read, what is judged, and what counts as worse."""

import json

import pytest

from chatctl.evaluation.conversations import (
    Check,
    Conversation,
    NotASet,
    Turn,
    checks_of,
    read_set,
    set_at,
    worse_than_before,
)

ANSWER = {
    "text": "You may return it within **30 days** [1].",
    "citations": [{"title": "Returns policy"}],
    "decision": "answer",
    "confidence": 0.8,
    "cost_usd": 0.002,
    "milliseconds": 900,
    "tool_calls": ["order_status"],
}


def failed(answer: dict = ANSWER, **asked: object) -> list[str]:
    turn = Turn(customer="May I return it?", **asked)
    talk = Conversation(name="returns", turns=[turn])
    return [check.name for check in checks_of(talk, 1, turn, answer) if not check.held]


def test_what_holds_is_said_to_hold():
    assert not failed(
        must_say=["30 DAYS"],
        must_not_say=["store credit"],
        must_cite=["returns"],
        must_hand_over=False,
        must_call=["order_status"],
        must_not_call=["refund"],
        decision="answer",
        confidence_at_least=0.8,
        usd_at_most=0.002,
        milliseconds_at_most=900,
    )


@pytest.mark.parametrize(
    ("asked", "name"),
    [
        ({"must_say": ["60 days"]}, "says '60 days'"),
        ({"must_not_say": ["30 days"]}, "does not say '30 days'"),
        ({"must_cite": ["Shipping"]}, "cites Shipping"),
        ({"must_not_cite": True}, "cites nothing"),
        ({"must_hand_over": True}, "hands over"),
        ({"must_call": ["refund"]}, "calls refund"),
        ({"must_not_call": ["order_status"]}, "does not call order_status"),
        ({"decision": "disclaimed"}, "decides disclaimed"),
        ({"confidence_at_least": 0.9}, "confidence at least 0.9"),
        ({"usd_at_most": 0.001}, "US dollars at most 0.001"),
        ({"milliseconds_at_most": 100}, "milliseconds at most 100"),
    ],
)
def test_what_does_not_hold_is_named(asked, name):
    assert failed(**asked) == [name]


@pytest.mark.parametrize("decision", ["handoff_model", "low_confidence", "keyword", "budget"])
def test_every_handover_counts_as_one(decision):
    assert not failed({**ANSWER, "decision": decision}, must_hand_over=True)


def test_an_unknown_price_is_not_within_a_limit():
    assert failed({**ANSWER, "cost_usd": None}, usd_at_most=1.0) == ["US dollars at most 1"]


def test_citing_anything_is_enough_where_no_title_is_asked():
    assert not failed(must_cite=True)
    assert failed({**ANSWER, "citations": []}, must_cite=True) == ["cites a document"]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "no conversation"),
        ("{", "line 1"),
        ('{"name": "a", "turns": []}', "line 1: turns"),
        ('{"name": "a", "turns": [{"customer": "x", "must_sy": ["y"]}]}', "must_sy"),
        ('{"name":"a","turns":[{"customer":"x"}]}\n' * 2, "line 2: a second"),
    ],
)
def test_what_is_no_set_is_refused_with_its_line(text, why):
    with pytest.raises(NotASet, match=why):
        read_set(text)


def test_comments_and_blank_lines_are_left_out():
    line = json.dumps({"name": "a", "turns": [{"customer": "x"}]})
    assert [one.name for one in read_set(f"# ours\n\n{line}\n")] == ["a"]


def test_a_folder_of_documents_is_no_set(tmp_path):
    assert set_at(tmp_path) is None
    (tmp_path / "conversations.jsonl").write_text("{}")
    assert set_at(tmp_path) == tmp_path / "conversations.jsonl"


def test_worse_is_what_held_before_or_is_new():
    def check(name: str, *, held: bool) -> Check:
        return Check("talk", 1, name, held, "")

    before = [check("a", held=True), check("b", held=False)]
    now = [check("a", held=False), check("b", held=False), check("c", held=False)]
    assert [one.name for one in worse_than_before(now, before)] == ["a", "c"]
    assert [one.name for one in worse_than_before(now, [])] == ["a", "b", "c"]
