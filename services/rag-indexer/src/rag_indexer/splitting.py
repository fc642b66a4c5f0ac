"""From a document's text to passages in batches. Pure, but long: run it in a thread."""

import json

from rag_indexer.chunk_rules import chunk_rule
from rag_indexer.chunking import CHARACTERS_MAX, chunk
from rag_indexer.domain import MEDIA_TYPES, TenantChoice, outline, plan_batches, title_of
from rag_indexer.embedding import KnownModel
from rag_indexer.job_store import Description, Job, Reading, Split
from rag_indexer.language_guess import UNDETERMINED, guess_language
from rag_indexer.parsed import ParsedDocument, Unreadable
from rag_indexer.token_counting import tokens_of

_UNKNOWN_TYPE = "application/octet-stream"


def split_document(
    job: Job, document: ParsedDocument, choice: TenantChoice, model: KnownModel, passages_max: int
) -> Split:
    """The passages of a document; raises `Unreadable` for none and for too many."""
    if len(document.text) > passages_max * CHARACTERS_MAX:
        raise Unreadable("too_complex", f"{len(document.text)} characters")
    starts = tokens_of(model.name).starts(document.text)
    chunks = chunk(document, starts, chunk_rule(choice.split, model.name, choice.own_chunking))
    if not chunks:
        raise Unreadable("no_text")
    if len(chunks) > passages_max:
        raise Unreadable("too_complex", f"{len(chunks)} passages")
    sizes = [len(json.dumps(one.text, ensure_ascii=False).encode()) for one in chunks]
    batches = plan_batches(sizes, model.dimensions)
    language = job.language_given or document.language or guess_language(document.text)
    reading = Reading(
        title=title_of(job.title, job.file_name, document.title),
        language=language or choice.language or UNDETERMINED,
        embedding_model=model.name,
        dimensions=model.dimensions,
        passages_total=len(chunks),
        batches=batches[-1],
    )
    description = Description(
        media_type=MEDIA_TYPES.get(document.file_type, _UNKNOWN_TYPE),
        pages=document.pages,
        author=document.author[:512] if document.author else None,
        dated_at=document.dated_at,
        headings=outline(document.marks),
        tokens=sum(one.token_count for one in chunks),
        chunking=choice.rule(model.name),
    )
    return Split(reading, description, chunks, batches)
