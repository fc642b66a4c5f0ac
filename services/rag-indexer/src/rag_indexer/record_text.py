"""Records that the platform itself wrote: read here, without a child process."""

import json

from rag_indexer.markdown_text import heading_marks
from rag_indexer.parsed import Mark, ParsedDocument, Unreadable
from rag_indexer.visible_text import visible, words

QUESTION_AND_ANSWER = "application/vnd.chat.qa+json"


def read_record(content: bytes, media_type: str) -> ParsedDocument:
    """The document in a record of kind `text` or `qa`; raises `Unreadable` for anything else."""
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as damage:
        raise Unreadable("corrupt_document", "a record that is not UTF-8") from damage
    kind = media_type.partition(";")[0].strip().lower()
    if kind == QUESTION_AND_ANSWER:
        document = _question_and_answer(text)
    elif kind == "text/markdown":
        shown, removed = visible(text)
        marks, title = heading_marks(shown)
        document = ParsedDocument("md", shown, marks, title, invisible_removed=removed)
    elif kind == "text/plain":
        shown, removed = visible(text)
        document = ParsedDocument("txt", shown, (Mark(0, None, ()),), invisible_removed=removed)
    else:
        raise Unreadable("unsupported_type", f"no record of {kind}")
    if not any(character.isalnum() for character in document.text):
        raise Unreadable("no_text")
    return document


def _question_and_answer(text: str) -> ParsedDocument:
    """`Q: …` for the question and each way to ask it, then `A: …`; the question is the title."""
    try:
        said = json.loads(text)
        question, answer = said["question"], said["answer"]
        questions = [
            words(str(one), 2_000) for one in [question, *(said.get("alternatives") or [])]
        ]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as damage:
        raise Unreadable("corrupt_document", "not a question and an answer") from damage
    if not isinstance(answer, str) or not answer.strip() or not questions[0]:
        raise Unreadable("corrupt_document", "not a question and an answer")
    asked = "\n".join(f"Q: {one}" for one in questions if one)
    shown, removed = visible(f"{asked}\nA: {answer.strip()}\n")
    return ParsedDocument(
        "qa", shown, (Mark(0, None, ()),), title=questions[0][:300], invisible_removed=removed
    )
