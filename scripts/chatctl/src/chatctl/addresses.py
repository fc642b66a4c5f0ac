"""The ports that the platform's processes keep from one start to the next."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from chatctl.run_folder import RunFolder
from embedded.ports import LOOPBACK, kept_port

USUAL_PORT = 8080


@dataclass(frozen=True)
class Addresses:
    """`host:port` by name; a port is chosen once and kept in the run folder."""

    folder: RunFolder

    def listen(self, name: str) -> str:
        """Return where the process of this name listens."""
        file = self._file(name)
        if not file.exists():
            kept_port(file, usual=USUAL_PORT if name == "gateway" else None)
        return f"{LOOPBACK}:{file.read_text()}"

    def url(self, name: str) -> str:
        """Return the HTTP address of the process of this name."""
        return f"http://{self.listen(name)}"

    def renew_taken(self) -> None:
        """Choose another port wherever a stranger took ours; only while nothing of ours runs."""
        for file in sorted(self._file("x").parent.glob("*.port")):
            kept_port(file)

    def _file(self, name: str) -> Path:
        return self.folder.path / "ports" / f"{name}.port"
