"""How sure to be, and what follows: said, cut, doubted, or left to a person."""

from typing import Any
from uuid import UUID

import pytest

from contracts.v1.knowledge import FoundPassage
from orchestrator.confidence import Signs, confidence_of
from orchestrator.grounding import judge
from orchestrator.replies import DISCLAIMER, HANDOFF_REPLY, NOT_FOUND, replies_for
from orchestrator.support import source_of
from orchestrator.tools import Decisions
from orchestrator.verdict import settle

TEXT = "You may return any item within 30 days. Gift cards cannot be returned."
RIGHT = "You have 30 days to return an item [1]."
WRONG = "You have 60 days to return an item [1]."


def passage(similarity: float = 0.6, score: float = 0.9, number: int = 1) -> FoundPassage:
    return FoundPassage(
        passage_id=UUID(int=number),
        document_id=UUID(int=number),
        document_version=1,
        title="Returns",
        page=None,
        heading=None,
        text=TEXT,
        keyword_score=1.0,
        vector_score=similarity,
        score=score,
    )


def judged(text: str, *, similarity: float = 0.6, **signs: Any) -> tuple[Any, Any]:
    grounding = judge(text, [source_of(1, "[1]", TEXT, "Returns")], "en")
    passages = signs.pop("passages", [passage(similarity)])
    return grounding, confidence_of(Signs(grounding, passages, signs.pop("searches", []), **signs))


def value(text: str, **signs: Any) -> float | None:
    return judged(text, **signs)[1].value


def settled(tenant_settings, text: str, misses: int = 0, **settings: Any) -> Any:
    chosen = tenant_settings.model_copy(update=settings)
    decisions = Decisions()
    grounding, confidence = judged(text)
    replies = replies_for(chosen, "How long can I return it?")
    return settle(chosen, replies, grounding, confidence, decisions, misses), decisions


def test_right_is_surer_than_wrong_and_a_better_passage_than_a_worse():
    assert value(RIGHT) > 0.8
    assert value(WRONG) == 0.0
    assert value(RIGHT, similarity=0.6) > value(RIGHT, similarity=0.3)
    assert value(f"{RIGHT} {WRONG}") < value(RIGHT)


def test_what_went_wrong_lowers_it():
    sure = value(RIGHT)
    assert value(RIGHT, finish_reason="length") < sure
    assert value(RIGHT, tools_failed=1) < sure
    assert value(RIGHT, searches=[{"degraded": True}]) < sure


def test_the_models_statement_lowers_and_never_raises():
    assert value(RIGHT, sure="low") == 0.3
    assert value(RIGHT, sure="high") == value(RIGHT)
    assert value(WRONG, sure="high") == 0.0


def test_small_talk_is_not_judged_and_an_admission_answers_nothing():
    assert value("Hello! How can I help you?") is None
    assert value("I could not find this in the documents.") < 0.1


def test_without_documents_nothing_is_judged():
    assert value("Paris is in France.", passages=[], documents=False) is None
    assert value("Paris is in France.", passages=[], documents=False, sure="low") == 0.3


def test_coverage_that_the_search_explains_counts():
    found = {"explained": {"threshold": "cosine m 0.300 (calibrated)", "candidates": []}}
    candidate = {"passage_id": str(UUID(int=1)), "coverage": 1.0}
    covered = {"explained": {"threshold": "none", "candidates": [candidate]}}
    low = value(RIGHT, similarity=0.3, searches=[found])
    assert value(RIGHT, similarity=0.3, searches=[covered]) > low


def test_by_default_nothing_changes_for_the_customer(tenant_settings):
    for text in (RIGHT, WRONG, "Hello!", "I could not find this in the documents."):
        done, decisions = settled(tenant_settings, text)
        assert done.text == text
        assert done.decision == "answer"
        assert decisions.handoff is None


def test_strict_takes_out_what_nothing_supports(tenant_settings):
    done, _ = settled(tenant_settings, f"{RIGHT} We won 7 prizes.", grounding="strict")
    assert done.text == RIGHT
    done, _ = settled(tenant_settings, f"Hello! {WRONG}", grounding="strict")
    assert (done.text, done.decision, done.missed) == (NOT_FOUND["en"], "ungrounded", "ungrounded")
    assert WRONG in done.evidence["unsaid"]
    done, _ = settled(tenant_settings, WRONG, grounding="open")
    assert done.text == WRONG


def test_strict_leaves_small_talk_questions_and_pointers(tenant_settings):
    for text in ("Hello! How can I help you?", "Please contact our support team."):
        done, _ = settled(tenant_settings, text, grounding="strict")
        assert done.text == text


def test_an_unsure_answer_is_said_with_a_doubt(tenant_settings):
    text = f"{RIGHT} We won 7 prizes. We won 8 prizes. We won 9 prizes."
    done, decisions = settled(tenant_settings, text, low_confidence="disclaim")
    assert done.decision == "disclaimed"
    assert "We won 7 prizes.\\*" in done.text
    assert done.text.endswith(f"\\* {DISCLAIMER['en']}")
    assert decisions.handoff is None
    done, _ = settled(tenant_settings, RIGHT, low_confidence="disclaim")
    assert done.text == RIGHT


def test_an_admission_is_not_disclaimed(tenant_settings):
    text = "I could not find this in the documents."
    done, _ = settled(tenant_settings, text, low_confidence="disclaim")
    assert done.text == text


def test_an_unsure_answer_is_left_to_a_person(tenant_settings):
    done, decisions = settled(tenant_settings, WRONG, low_confidence="hand_over")
    assert (decisions.handoff_by, done.decision) == ("low_confidence", "low_confidence")
    assert done.text == tenant_settings.handoff_reply
    assert done.evidence["unsaid"] == WRONG
    _, decisions = settled(tenant_settings, RIGHT, low_confidence="hand_over")
    assert decisions.handoff is None
    _, decisions = settled(
        tenant_settings, RIGHT, low_confidence="hand_over", confidence_minimum=1.0
    )
    assert decisions.handoff is not None


@pytest.mark.parametrize(("before", "handed"), [(0, False), (1, False), (2, True), (5, True)])
def test_misses_in_a_row_bring_a_person(tenant_settings, before, handed):
    text = "I could not find this in the documents."
    _, decisions = settled(tenant_settings, text, before, handoff_after_misses=3)
    assert (decisions.handoff is not None) is handed
    _, decisions = settled(tenant_settings, RIGHT, before, handoff_after_misses=3)
    assert decisions.handoff is None


def test_sentences_come_in_the_customers_language(tenant_settings):
    platform = "I am asking a colleague to take over. Please wait a moment."
    chosen = tenant_settings.model_copy(update={"handoff_reply": platform})
    assert (
        replies_for(chosen, "Wie lange kann ich die Lampe umtauschen?").handoff
        == (HANDOFF_REPLY["de"])
    )
    assert replies_for(chosen, "How long can I return it?").handoff == platform
    own = chosen.model_copy(
        update={
            "handoff_reply": "Ana is coming.",
            "language_replies": '{"hr": {"handoff_reply": "Ana dolazi."}}',
        }
    )
    assert replies_for(own, "Kako mogu vratiti lampu i gdje je to?").handoff == "Ana dolazi."
    assert replies_for(own, "Wie lange kann ich die Lampe umtauschen?").handoff == "Ana is coming."
    broken = chosen.model_copy(update={"language_replies": "[1"})
    assert replies_for(broken, "Hello, where are you?").handoff == platform
