"""The parts of an Office file: a zip of XML, none of which may declare anything."""

import posixpath
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self
from xml.etree import ElementTree as ET

from rag_indexer.dates import date_in
from rag_indexer.file_source import FileSource
from rag_indexer.parsed import Unreadable, language_tag
from rag_indexer.visible_text import words

_DECLARATION = re.compile(rb"<!\s*(DOCTYPE|ENTITY)", re.IGNORECASE)


@dataclass(frozen=True)
class CoreProperties:
    """What an Office file says of itself."""

    title: str | None = None
    author: str | None = None
    language: str | None = None
    dated_at: str | None = None


class OfficeParts:
    """An opened Office file whose zip headers were judged before."""

    def __init__(self, source: FileSource) -> None:
        self._archive = zipfile.ZipFile(source.stream())
        self.names = frozenset(self._archive.namelist())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._archive.close()

    def read(self, name: str) -> bytes:
        """One part; refuses XML that declares a document type or entities."""
        part = self._archive.read(name)
        # Without zeros UTF-16 is as good as ASCII for this look.
        if _DECLARATION.search(part.replace(b"\0", b"")):
            raise Unreadable("corrupt_document", "an XML part with declarations")
        return part

    def pieces(self, name: str, piece_bytes: int = 256 * 1024) -> Iterator[bytes]:
        """A large part bit by bit; whoever parses it refuses declarations."""
        with self._archive.open(name) as part:
            while piece := part.read(piece_bytes):
                yield piece

    def size(self, name: str) -> int:
        """Bytes of a part, unpacked."""
        return self._archive.getinfo(name).file_size

    def xml(self, name: str) -> ET.Element:
        """One part, parsed, with the names of its elements free of namespaces."""
        root = ET.fromstring(self.read(name))  # noqa: S314 - declarations are refused
        for element in root.iter():
            element.tag = element.tag.rpartition("}")[2]
        return root

    def check_all(self) -> None:
        """Look at every XML part, for a library that parses them by itself."""
        for name in self.names:
            if name.endswith((".xml", ".rels")):
                self.read(name)

    def main_part(self) -> str:
        """Where the document proper is."""
        for kind, target in self.relations("").values():
            if kind == "officeDocument":
                return target
        raise Unreadable("corrupt_document", "no main part")

    def relations(self, name: str) -> dict[str, tuple[str, str]]:
        """By id: the kind (last word of its type) and the part that is meant."""
        folder, file = posixpath.split(name)
        where = posixpath.join(folder, "_rels", f"{file}.rels")
        if where not in self.names:
            return {}
        found: dict[str, tuple[str, str]] = {}
        for one in self.xml(where).iter("Relationship"):
            if one.get("TargetMode") == "External":
                continue
            target = one.get("Target", "")
            path = posixpath.normpath(posixpath.join("/", folder, target)).lstrip("/")
            found[one.get("Id", "")] = (one.get("Type", "").rpartition("/")[2], path)
        return found

    def core(self) -> CoreProperties:
        """Title, author, language and date, as far as they are said."""
        if "docProps/core.xml" not in self.names:
            return CoreProperties()
        root = self.xml("docProps/core.xml")
        said = {element.tag: element.text or "" for element in root}
        language = said.get("language", "").strip()
        return CoreProperties(
            title=words(said.get("title")),
            author=words(said.get("creator")),
            language=language_tag(language),
            dated_at=date_in(said.get("modified")) or date_in(said.get("created")),
        )
