"""The one git-ignored folder in which everything that `chatctl up` makes lives."""

from __future__ import annotations

import json
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

VARIABLE = "CHAT_RUN_FOLDER"
SOURCE_ROOT = Path(__file__).resolve().parents[4]


def write_private(file: Path, text: str) -> None:
    """Write a file that only its owner may read, whole or not at all."""
    file.parent.mkdir(parents=True, exist_ok=True)
    descriptor, half = tempfile.mkstemp(dir=file.parent, prefix=f"{file.name}.")  # mode 0600
    with os.fdopen(descriptor, "w") as writing:
        writing.write(text)
    Path(half).replace(file)


@dataclass(frozen=True)
class RunFolder:
    """Names what lies where under `path`."""

    path: Path

    @classmethod
    def default(cls) -> RunFolder:
        """Return the folder of `CHAT_RUN_FOLDER`, else `.chat` beside the sources."""
        given = os.environ.get(VARIABLE)
        return cls(Path(given).resolve() if given else SOURCE_ROOT / ".chat")

    @property
    def servers(self) -> Path:
        """Data of the embedded servers."""
        return self.path / "servers"

    @property
    def logs(self) -> Path:
        """One log file for each process."""
        return self.path / "logs"

    @property
    def processes(self) -> Path:
        """One record for each running process."""
        return self.path / "processes"

    @property
    def blobs(self) -> Path:
        """Uploaded files by their hash."""
        return self.path / "blobs"

    @property
    def plan(self) -> Path:
        """What the supervisor keeps running."""
        return self.path / "plan.json"

    @property
    def secrets(self) -> Path:
        """Secrets made at the first start."""
        return self.path / "secrets.json"

    @property
    def overrides(self) -> Path:
        """Variables that `chatctl llm use` sets."""
        return self.path / "overrides.json"

    @property
    def state(self) -> Path:
        """What `chatctl status -o env` prints."""
        return self.path / "state.json"

    @property
    def supervisor(self) -> Path:
        """Record of the supervisor's process."""
        return self.path / "supervisor.json"

    def make(self) -> None:
        """Create the folder: others may pass through (PostgreSQL must), but not look around."""
        self.path.mkdir(parents=True, exist_ok=True)
        self.path.chmod(0o711)
        for private in (self.logs, self.processes, self.blobs):
            private.mkdir(exist_ok=True)
            private.chmod(0o700)

    def read(self, file: Path) -> dict[str, Any]:
        """Return a JSON object written here before, empty when there is none."""
        if not file.exists():
            return {}
        held: dict[str, Any] = json.loads(file.read_text())
        return held

    def write(self, file: Path, held: dict[str, Any]) -> None:
        """Write a JSON object that only the owner may read."""
        write_private(file, json.dumps(held, indent=1))
