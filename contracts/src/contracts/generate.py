"""`python -m contracts.generate [--check]`: write, or compare, every file made from the classes."""

import json
import sys
from pathlib import Path
from typing import Any

from contracts.asyncapi import documents
from contracts.catalogue import all_messages
from contracts.definitions import definitions
from contracts.map import readme
from contracts.schemas import all_schemas, fingerprint

ROOT = Path(__file__).resolve().parents[2]


def generated() -> dict[str, str]:
    """Path below `contracts/` -> content."""
    files = {f"schemas/{name}": _json(schema) for name, schema in all_schemas().items()}
    files |= {f"asyncapi/{name}": _json(document) for name, document in documents().items()}
    files["broker/definitions.json"] = _json(definitions())
    files["fingerprints.json"] = _json({m.address: fingerprint(m) for m in all_messages()})
    files["README.md"] = readme()
    return files


def stale(root: Path = ROOT) -> list[str]:
    """Files that differ from what the classes say, or that no class says any more."""
    wanted = generated()
    differing = [
        name
        for name, content in wanted.items()
        if not (root / name).is_file() or (root / name).read_text("utf-8") != content
    ]
    return differing + [name for name in _present(root) if name not in wanted]


def write(root: Path = ROOT) -> None:
    """Write every file, and delete those that no class says any more."""
    wanted = generated()
    for name in _present(root):
        if name not in wanted:
            (root / name).unlink()
    for name, content in wanted.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, "utf-8")


def _present(root: Path) -> list[str]:
    return [
        str(path.relative_to(root))
        for folder in ("schemas", "asyncapi", "broker")
        for path in sorted((root / folder).glob("*.json"))
    ]


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def main() -> int:
    """Answer 1 when `--check` finds a stale file."""
    if "--check" not in sys.argv:
        write()
        return 0
    names = stale()
    for name in names:
        sys.stderr.write(f"contracts/{name} is stale: run `make generate`\n")
    return 1 if names else 0


if __name__ == "__main__":
    sys.exit(main())
