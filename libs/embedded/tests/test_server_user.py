"""Servers that refuse root run as somebody else, who may not be able to reach our folders."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from embedded import server_user
from embedded.server_user import (
    ServerUser,
    reachable_copy,
    reachable_folder,
    refuse_strangers,
    unprivileged_user,
)

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root to be another user")


def test_an_ordinary_user_runs_servers_itself(tmp_path: Path) -> None:
    user = ServerUser(None, None)
    assert user.popen_arguments() == {}
    assert reachable_folder(tmp_path / "data", user) == tmp_path / "data"


@as_root
def test_a_closed_home_is_not_opened_but_avoided(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_user, "SHARED_PLACE", tmp_path / "shared")
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    user = unprivileged_user()
    assert not user.can_reach(home)
    place = reachable_folder(home / "run" / "data", user)
    assert place.is_relative_to(tmp_path / "shared")
    assert home.stat().st_mode & 0o777 == 0o700
    assert (home / "run" / "data.lies-in").read_text().strip() == str(place)


@as_root
def test_programs_in_a_closed_home_are_copied_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "shared").mkdir()
    monkeypatch.setattr(server_user, "SHARED_PLACE", tmp_path / "shared")
    home = tmp_path / "home"
    (home / "package").mkdir(parents=True)
    (home / "package" / "program").write_text("1")
    home.chmod(0o700)
    user = unprivileged_user()
    copy = reachable_copy(home / "package", [], user, "v1")
    assert (copy / "program").read_text() == "1"
    (copy / "program").write_text("kept")
    assert (reachable_copy(home / "package", [], user, "v1") / "program").read_text() == "kept"


@as_root
def test_a_folder_that_somebody_else_laid_there_is_refused(tmp_path: Path) -> None:
    trap = tmp_path / "chat-programs"
    trap.mkdir()
    os.chown(trap, 12345, 12345)
    with pytest.raises(PermissionError, match="12345"):
        refuse_strangers(trap, {0})
