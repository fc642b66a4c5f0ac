"""The builtin answerer quotes the right sentence, cites it, or says honestly that it cannot."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

import pytest

from contracts.v1.models import ChatMessage, GivenPassage
from llm_router import extractive
from llm_router.builtin import BuiltinAdapter
from llm_router.domain import BUILTIN, ChatCall
from llm_router.embedding import Embedder
from llm_router.minilm import MiniLM
from llm_router.passages import sentences_of
from llm_router.phrases import NOT_FOUND, small_talk
from llm_router.vector_cache import VectorCache

DOCUMENTS = {
    "Returns": (
        "# Returns and refunds\n\n## How long you have\nYou may return most items within 30 days "
        "of delivery, unused and in their original packaging. Sale items can be returned within "
        "14 days. Gift cards and underwear cannot be returned.\n\n## How to return\nPrint the "
        "label from your account page, attach it to the parcel and drop it at any post office.\n\n"
        "## When you get your money\nRefunds are paid to the original payment method within 5 "
        "business days after we receive the parcel."
    ),
    "Shipping": (
        "# Shipping\nWe ship to 34 countries in Europe and to the United States and Canada. "
        "Standard delivery takes 3 to 5 business days within the EU and costs 4.90 EUR. Orders "
        "over 50 EUR ship free. Express delivery arrives the next working day and costs 12 EUR."
        "\n\nOnce your parcel leaves our warehouse you receive an e-mail with a tracking link."
    ),
    "Payment": (
        "# Payment\nWe accept Visa, Mastercard, PayPal and bank transfer. Invoices are sent by "
        "e-mail as PDF. Payment by cash on delivery is not possible."
    ),
    "Warranty": (
        "Warranty and repairs\n\nAll bicycles carry a two-year warranty on the frame and one year "
        "on parts. The warranty does not cover wear such as tyres, chains and brake pads.\n\n"
        "Q: Who pays for the repair?\nA: Repairs under warranty are free; we also pay the way "
        "there and back."
    ),
    "Opening hours": (
        "Our store at Ilica 10 in Zagreb is open Monday to Friday from 9:00 to 19:00 and on "
        "Saturday from 9:00 to 14:00. We are closed on Sundays and public holidays.\nYou can "
        "call us at +385 1 555 0100 during opening hours."
    ),
}
PASSAGES = [
    GivenPassage(number=number, title=title, text=text)
    for number, (title, text) in enumerate(DOCUMENTS.items(), start=1)
]
BY_WORDS = [
    ("How long do I have to return an item?", "within 30 days", 1),
    ("Do you ship to Canada?", "Canada", 2),
    ("how much is express shipping", "12 EUR", 2),
    ("Can I pay with PayPal?", "PayPal", 3),
    ("is my chain under warranty?", "chains", 4),
    ("who pays for repairs", "Repairs under warranty are free", 4),
    ("Are you open on Sunday?", "closed on Sundays", 5),
    ("how long does delivery take", "3 to 5 business days", 2),
    ("Can I return a gift card?", "Gift cards", 1),
    ("What is the warranty on the frame?", "two-year", 4),
]
BY_MEANING = [
    ("Can I send back my purchase?", "30 days"),
    ("do you take credit cards?", "Visa"),
    ("when will I get my money back", "5 business days"),
    ("What's your phone number?", "555"),
    ("when do you open", "9:00"),
]
UNANSWERABLE = [
    "What is the capital of Australia?",
    "Who won the world cup in 2022?",
    "Do you sell helicopters?",
    "What is your CEO's name?",
    "how old is the universe",
    "Write me a python script",
]
SAID = "I could not find this in the documents."


def asked(*texts: str) -> list[ChatMessage]:
    roles = ["user" if place % 2 == 0 else "assistant" for place in range(len(texts))]
    return [
        ChatMessage(role=role, content=text, tool_calls=[], tool_call_id=None)
        for role, text in zip(roles, texts, strict=True)
    ]


def by_words(text: str, passages: list[GivenPassage] = PASSAGES) -> str:
    question = extractive.weigh(asked(text), passages)
    return extractive.compose(question, extractive.candidates(question, passages))


@pytest.fixture(scope="module")
def minilm() -> Iterator[MiniLM]:
    model = MiniLM()
    asyncio.run(model.load())
    yield model
    model.close()


@pytest.fixture
def builtin(minilm: MiniLM) -> BuiltinAdapter:
    return BuiltinAdapter(Embedder({BUILTIN: minilm}, VectorCache()))


@pytest.mark.parametrize(("question", "part", "number"), BY_WORDS)
def test_words_alone_find_the_sentence(question: str, part: str, number: int) -> None:
    answer = by_words(question)
    assert part in answer
    assert f"[{number}]" in answer
    assert len(answer) <= 720


@pytest.mark.parametrize(("question", "part"), BY_MEANING)
async def test_meaning_finds_what_words_do_not(
    question: str, part: str, builtin: BuiltinAdapter, chat_call: Callable[..., ChatCall]
) -> None:
    call = chat_call("builtin/extractive", messages=asked(question), passages=PASSAGES)
    assert part in (await builtin.chat(call, None)).text


@pytest.mark.parametrize("question", UNANSWERABLE)
async def test_what_is_not_there_is_not_invented(
    question: str, builtin: BuiltinAdapter, chat_call: Callable[..., ChatCall]
) -> None:
    call = chat_call("builtin/extractive", messages=asked(question), passages=PASSAGES)
    assert (await builtin.chat(call, None)).text == SAID


@pytest.mark.parametrize("question", UNANSWERABLE)
def test_without_an_embedder_nothing_is_invented_either(question: str) -> None:
    assert by_words(question) == SAID


def test_no_passages_no_answer() -> None:
    assert by_words("How long do I have?", []) == SAID
    assert by_words("Koliko dugo imam za povrat?", []) == NOT_FOUND["hr"]


def test_other_languages_are_answered_from_their_own_documents() -> None:
    spanish = GivenPassage(
        number=3,
        title="Devoluciones",
        text="Puede devolver los artículos en un plazo de 30 días. Los gastos corren a su cargo.",
    )
    answer = by_words("¿Cuántos días tengo para devolver un artículo?", [spanish])
    assert answer == "Puede devolver los artículos en un plazo de 30 días. [3]"
    chinese = GivenPassage(number=1, title="退货", text="您可以在30天内退货。运费由我们承担。")
    assert by_words("可以退货吗", [chinese]).startswith("您可以在30天内退货。")


def test_what_stands_under_the_very_question_answers_it_in_whatever_words() -> None:
    text = (
        "# Povrat\n\n## Koliko imam vremena za povrat?\nSvaki artikl možete vratiti u roku od 30 "
        "dana. Povrat je besplatan."
    )
    answer = by_words(
        "Koliko imam vremena za povrat?", [GivenPassage(number=1, title="Povrat", text=text)]
    )
    assert answer.startswith("Svaki artikl možete vratiti u roku od 30 dana.")


def test_an_answer_is_the_same_every_time() -> None:
    assert len({by_words("How long do I have to return an item?") for _ in range(5)}) == 1


def test_a_burst_is_one_question_and_old_answers_end_it() -> None:
    messages = asked("Do you ship to Canada?", "Yes. [2]", "And how much is it?")
    more = messages[-1].model_copy(update={"content": "For express delivery"})
    assert extractive.question_of([*messages, more]) == "And how much is it?\nFor express delivery"


def test_a_short_follow_up_borrows_from_what_was_asked() -> None:
    messages = asked("How much is express delivery?", "12 EUR [2]", "And standard?")
    question = extractive.weigh(messages, PASSAGES)
    assert {"standard", "express", "deliver"} <= set(question.weights)
    assert question.weights["express"] < question.weights["standard"] * 2


def test_question_lines_and_headings_are_context_not_answers() -> None:
    sentences = sentences_of(DOCUMENTS["Warranty"])
    assert not any(sentence.text.endswith("?") for sentence in sentences)
    [repair] = [s for s in sentences if s.text.startswith("Repairs")]
    assert {"pay", "repair"} <= repair.context


def test_lines_broken_by_a_page_are_joined() -> None:
    text = (
        "You may return most items within thirty days after the day of their\n"
        "delivery if they are unused.\n• Keep the bill.\n• Keep the box."
    )
    assert [s.text for s in sentences_of(text)] == [
        "You may return most items within thirty days after the day of their delivery if they "
        "are unused.",
        "Keep the bill.",
        "Keep the box.",
    ]


def test_a_row_of_a_table_is_a_sentence_with_its_columns() -> None:
    rows = ("| To | Standard | Express |", "|---|:---:|---|", "| Croatia | 2 days | 1 day |")
    table = "\n".join((*rows, "| EU | 5 days | |"))
    assert [s.text for s in sentences_of(f"Prices and times.\n{table}\nAsk us.")] == [
        "Prices and times.",
        "Croatia: Standard 2 days; Express 1 day.",
        "EU: Standard 5 days.",
        "Ask us.",
    ]


@pytest.mark.parametrize(
    "text", ["Hello!", "hi there", "Good morning", "Hvala lijepa!", "thank you very much", "¡Hola!"]
)
def test_small_talk_is_answered_politely(text: str) -> None:
    assert small_talk(text)


@pytest.mark.parametrize(
    "text", ["Hello, where is my order?", "thanks but it is broken", "order", "good price?", ""]
)
def test_what_says_more_is_not_small_talk(text: str) -> None:
    assert small_talk(text) is None


async def test_small_talk_needs_no_search(
    builtin: BuiltinAdapter, chat_call: Callable[..., ChatCall], search_tool: Any
) -> None:
    call = chat_call(
        "builtin/extractive", messages=asked("Hello!"), passages=[], tools=[search_tool]
    )
    outcome = await builtin.chat(call, None)
    assert outcome.text.startswith("Hello!")
    assert outcome.tool_calls == ()


async def test_a_search_is_asked_for_once(
    builtin: BuiltinAdapter, chat_call: Callable[..., ChatCall], search_tool: Any
) -> None:
    messages = asked("How long do I have to return an item?")
    call = chat_call("builtin/extractive", messages=messages, passages=[], tools=[search_tool])
    [wish] = (await builtin.chat(call, None)).tool_calls
    after = [
        *messages,
        ChatMessage(role="assistant", content="", tool_calls=[wish], tool_call_id=None),
        ChatMessage(role="tool", content="nothing", tool_calls=[], tool_call_id=wish.call_id),
    ]
    again = chat_call("builtin/extractive", messages=after, passages=[], tools=[search_tool])
    outcome = await builtin.chat(again, None)
    assert (outcome.text, outcome.tool_calls) == (SAID, ())
    found = chat_call("builtin/extractive", messages=after, passages=PASSAGES, tools=[search_tool])
    assert "30 days" in (await builtin.chat(found, None)).text


async def test_rewrite_and_summary_give_something(
    builtin: BuiltinAdapter, chat_call: Callable[..., ChatCall]
) -> None:
    messages = asked("Do you ship to Canada? I live there.", "Yes. [2]", "How much?")
    rewrite = chat_call("builtin/extractive", messages=messages, purpose="rewrite")
    assert (await builtin.chat(rewrite, None)).text == "How much?"
    summary = chat_call("builtin/extractive", messages=messages, purpose="summary")
    assert "user: Do you ship to Canada?" in (await builtin.chat(summary, None)).text


async def test_sentences_are_embedded_once(
    minilm: MiniLM, chat_call: Callable[..., ChatCall], monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = VectorCache()
    adapter = BuiltinAdapter(Embedder({BUILTIN: minilm}, cache))
    seen: list[int] = []
    embed = minilm.embed

    async def counted(model: Any, access: Any, texts: Any, *rest: Any) -> Any:
        seen.append(len(texts))
        return await embed(model, access, texts, *rest)

    monkeypatch.setattr(minilm, "embed", counted)
    for question in ("do you take credit cards?", "what about credit cards?"):
        call = chat_call("builtin/extractive", messages=asked(question), passages=PASSAGES)
        await adapter.chat(call, None)
    assert seen[0] > 5
    assert sum(seen[1:]) < seen[0] / 2
    other = UUID(int=9)
    assert cache.recall(cache.key(other, *_key_parts())) is None


def _key_parts() -> tuple[Any, str]:
    from llm_router.domain import Model

    return Model(BUILTIN, "minilm"), "do you take credit cards?"
