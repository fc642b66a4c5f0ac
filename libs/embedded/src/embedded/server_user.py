"""Which user runs a server that refuses to be root, and where that user can read and write."""

from __future__ import annotations

import hashlib
import os
import pwd
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# Reached by every user; unlike /tmp it is kept over a restart of the machine.
SHARED_PLACE = Path("/var/tmp")  # noqa: S108


@dataclass(frozen=True)
class ServerUser:
    """A user and group id; both None when the current user may run the server itself."""

    uid: int | None
    gid: int | None

    def popen_arguments(self) -> dict[str, Any]:
        """Return what subprocess needs to run as this user, and only this user."""
        if self.uid is None:
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}

    def can_reach(self, path: Path) -> bool:
        """Tell whether this user may enter `path` and read what is in it."""
        if self.uid is None:
            return True
        test = ["test", "-x", str(path), "-a", "-r", str(path)]
        done = subprocess.run(test, check=False, cwd="/", **self.popen_arguments())
        return bool(done.returncode == 0)

    def own(self, path: Path) -> None:
        """Make `path` a folder of this user, closed to others."""
        path.mkdir(parents=True, exist_ok=True)
        if self.uid is not None and self.gid is not None:
            os.chown(path, self.uid, self.gid)
        path.chmod(0o700)


def unprivileged_user() -> ServerUser:
    """Return the current user, or an ordinary one when we are root."""
    if os.geteuid() != 0:
        return ServerUser(None, None)
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return ServerUser(entry.pw_uid, entry.pw_gid)
    return ServerUser(65534, 65534)


def reachable_folder(wanted: Path, user: ServerUser) -> Path:
    """Return `wanted`, or a folder in a shared place when the user cannot get there.

    A checkout under a home of mode 0700 is such a case; opening the home is not ours to do.
    """
    wanted.parent.mkdir(parents=True, exist_ok=True)
    if user.can_reach(wanted.parent):
        return wanted
    mark = hashlib.sha256(str(wanted).encode()).hexdigest()[:12]
    place = SHARED_PLACE / f"chat-data-{mark}"
    refuse_strangers(place, {os.geteuid(), user.uid})
    wanted.with_name(wanted.name + ".lies-in").write_text(f"{place}\n")
    return place


def reachable_copy(source: Path, siblings: list[Path], user: ServerUser, version: str) -> Path:
    """Return `source`, or a copy of it and its siblings where the user can read and execute it."""
    if user.can_reach(source):
        return source
    place = SHARED_PLACE / f"chat-programs-{version}-{os.geteuid()}"
    refuse_strangers(place, {os.geteuid()})
    if not (place / "whole").exists():
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(mode=0o755)
        for tree in [source, *siblings]:
            shutil.copytree(tree, place / tree.name, symlinks=True)
        (place / "whole").touch()
    return place / source.name


def refuse_strangers(place: Path, owners: set[int | None]) -> None:
    """Raise PermissionError when somebody else made this folder: anybody may write beside it."""
    try:
        owner = place.lstat().st_uid
    except FileNotFoundError:
        return
    if owner not in owners or place.is_symlink():
        raise PermissionError(f"{place} was made by user {owner}, not by us: remove it")
