"""Why did the bot say that: what a person reads of a turn."""

import io

from rich.console import Console

from chatctl.turn_view import print_turn

TURN = {
    "turn_id": "0193",
    "outcome": "answered",
    "attempt": 1,
    "left_out": ["earlier"],
    "evidence": {
        "decision": "answer",
        "understood": {
            "asked": "And in Croatia?",
            "searched": "How long may I return it [in Croatia]?",
            "by": "model",
        },
        "searches": [
            {"query": "q", "failed": "timeout"},
            {"query": "q", "cause": "below_threshold", "cause_detail": "None is near enough."},
        ],
        "passages": [
            {
                "number": 1,
                "passage_id": "01",
                "title": "Returns",
                "document_version": 3,
                "keyword_score": 4.2,
                "vector_score": 0.61,
                "score": 0.9,
                "rerank_score": None,
            }
        ],
        "model_calls": [
            {
                "model": "openai/gpt-x",
                "fallback": True,
                "finish_reason": "stop",
                "input_tokens": 812,
                "output_tokens": 40,
                "cost_usd": None,
                "milliseconds": 931,
            }
        ],
        "tool_calls": [],
        "prompt": [{"role": "system", "content": "You are [Bora]."}],
        "milliseconds": {"retrieve": 8.1, "llm": 931.0},
    },
}


def shown(*, with_prompt: bool) -> str:
    out = io.StringIO()
    print_turn(Console(file=out, width=200), TURN, with_prompt=with_prompt)
    return out.getvalue()


def test_the_question_the_causes_and_the_figures_are_there():
    text = shown(with_prompt=False)
    for words in (
        "And in Croatia?",
        "How long may I return it [in Croatia]?",
        "completed from the conversation",
        "a search failed: timeout",
        "below_threshold. None is near enough.",
        "Returns",
        "fallback",
        "unknown",
        "retrieve 8.1",
        "too large to show: earlier",
        "[n]",
    ):
        assert words in text, words
    assert "You are [Bora]." not in text


def test_the_prompt_is_shown_when_asked_for():
    assert "You are [Bora]." in shown(with_prompt=True)


def test_what_nothing_supports_is_shown():
    evidence = {
        "decision": "disclaimed",
        "confidence": {"value": 0.31, "grounded": 0.5},
        "grounding": {
            "sentences": [
                {"kind": "claim", "words": "Items go back in 30 days.", "verdict": "supported"},
                {
                    "kind": "claim",
                    "words": "We won 7 prizes.",
                    "verdict": "unsupported",
                    "absent": ["7"],
                },
            ]
        },
        "prompt_sections": [{"section": "history", "tokens": 9, "of": 40, "kept": 12}],
    }
    console = Console(file=io.StringIO(), width=120)
    print_turn(console, {**TURN, "evidence": evidence, "left_out": []}, with_prompt=False)
    shown = console.file.getvalue()
    assert "Confidence 0.31 (grounded 0.5)" in shown
    assert "unsupported We won 7 prizes. (nothing given holds: 7)" in shown
    assert "Items go back" not in shown
    assert "the prompt holds less: history 12 of 40" in shown
