"""Named queries from a service's `queries.sql`."""

import re
from importlib.resources import files

_NAME = re.compile(r"^-- name: ([a-z0-9_]+)[ \t]*$", re.MULTILINE)


class QueryMissing(KeyError):
    """No query of this name stands in the package's `queries.sql`."""


class Queries:
    """`queries["find_channel"]` -> SQL text; read once, when the service is composed."""

    def __init__(self, package: str, file_name: str = "queries.sql") -> None:
        self._package = package
        self._queries = _read(files(package).joinpath(file_name).read_text("utf-8"))

    def __getitem__(self, name: str) -> str:
        try:
            return self._queries[name]
        except KeyError:
            raise QueryMissing(f"{self._package}: no query named {name}") from None

    def __contains__(self, name: object) -> bool:
        return name in self._queries

    @property
    def names(self) -> frozenset[str]:
        """Every name in the file."""
        return frozenset(self._queries)


def _read(text: str) -> dict[str, str]:
    parts = _NAME.split(text)
    names, bodies = parts[1::2], parts[2::2]
    repeated = {name for name in names if names.count(name) > 1}
    if repeated:
        raise QueryMissing(f"queries named twice: {sorted(repeated)}")
    return {name: body.strip().rstrip(";") for name, body in zip(names, bodies, strict=True)}
