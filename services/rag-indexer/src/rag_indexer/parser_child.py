"""The child process that reads one foreign file: bytes in on stdin, one JSON object on stdout.

It limits itself before it imports a parser: address space, CPU time, no file writes, no core file,
and a network namespace without any interface where the kernel lets it. Run as
`python -I -m rag_indexer.parser_child NAME ADDRESS_SPACE_BYTES CPU_SECONDS`.
"""

import ctypes
import json
import os
import resource
import sys
from typing import Any

from rag_indexer.file_type import FileType, detect
from rag_indexer.parsed import ParsedDocument, Unreadable

_CLONE_NEWNET = 0x4000_0000
_CLONE_NEWUSER = 0x1000_0000
_OPEN_FILES_MAX = 64
_GRACE_SECONDS = 2


def limit_self(address_space_bytes: int, cpu_seconds: int) -> bool:
    """Give up memory, time, file writes and network; True if the network is gone."""
    isolated = _leave_network()
    for limit, soft, hard in (
        (resource.RLIMIT_AS, address_space_bytes, address_space_bytes),
        (resource.RLIMIT_CPU, cpu_seconds, cpu_seconds + _GRACE_SECONDS),
        (resource.RLIMIT_FSIZE, 0, 0),
        (resource.RLIMIT_CORE, 0, 0),
        (resource.RLIMIT_NOFILE, _OPEN_FILES_MAX, _OPEN_FILES_MAX),
    ):
        resource.setrlimit(limit, (soft, hard))
    return isolated


def _leave_network() -> bool:
    """As root one flag is enough; an ordinary user needs a user namespace of its own."""
    libc = ctypes.CDLL(None, use_errno=True)
    return any(
        libc.unshare(flags) == 0 for flags in (_CLONE_NEWNET, _CLONE_NEWUSER | _CLONE_NEWNET)
    )


def parse(content: bytes, name: str) -> ParsedDocument:
    """Read the file with the loader of its type; raises `Unreadable`."""
    file_type = detect(content, name)
    if file_type is FileType.PDF:
        from rag_indexer.pdf_text import parse_pdf as loader
    elif file_type is FileType.DOCX:
        from rag_indexer.docx_text import parse_docx as loader
    elif file_type is FileType.MARKDOWN:
        from rag_indexer.markdown_text import parse_markdown as loader
    else:
        from rag_indexer.plain_text import parse_text as loader
    document = loader(content)
    if not any(character.isalnum() for character in document.text):
        raise Unreadable("no_text")
    return document


def answer(content: bytes, name: str) -> dict[str, Any]:
    """What the parent hears: the document, or a code and a detail for the log."""
    try:
        return {"document": parse(content, name).as_json()}
    except Unreadable as refusal:
        return {"code": refusal.code, "detail": refusal.detail}
    except (MemoryError, RecursionError) as exhausted:
        return {"code": "too_complex", "detail": type(exhausted).__name__}
    except Exception as surprise:  # noqa: BLE001 - parsers raise anything on damaged files
        return {"code": "corrupt_document", "detail": type(surprise).__name__}


def main() -> None:
    """Limit, read, parse, answer."""
    name, address_space_bytes, cpu_seconds = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    said = os.dup(1)
    os.dup2(2, 1)
    isolated = limit_self(address_space_bytes, cpu_seconds)
    found = answer(sys.stdin.buffer.read(), name)
    found["network_isolated"] = isolated
    with os.fdopen(said, "wb") as out:
        out.write(json.dumps(found).encode("ascii"))


if __name__ == "__main__":
    main()
