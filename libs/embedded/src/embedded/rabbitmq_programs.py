"""Where RabbitMQ's programs are: installed, else by apt as root, else unpacked from packages."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from embedded.recorded_process import ServerDidNotStart

INSTALL_SECONDS = 600
POLICY = Path("/usr/sbin/policy-rc.d")


@dataclass(frozen=True)
class RabbitPrograms:
    """The server's start script, the Erlang port mapper, and what PATH they need."""

    server: Path
    epmd: Path
    path: str


def rabbitmq_programs(unpack_into: Path) -> RabbitPrograms:
    """Return the programs, fetching them when the machine has none."""
    found = _look_in(Path("/"))
    if found is None and shutil.which("apt-get") is not None:
        if os.geteuid() == 0:
            _install()
            found = _look_in(Path("/"))
        else:
            found = _look_in(unpack_into) or _unpack(unpack_into)
    if found is None:
        raise ServerDidNotStart("RabbitMQ: install it (apt-get install rabbitmq-server)", None)
    return found


def _look_in(root: Path) -> RabbitPrograms | None:
    scripts = sorted(root.glob("usr/lib/rabbitmq/lib/rabbitmq_server-*/sbin/rabbitmq-server"))
    mappers = sorted(root.glob("usr/lib/erlang/erts-*/bin/epmd"))
    if not scripts or not mappers:
        return None
    path = os.environ.get("PATH", "")
    erlang = root / "usr/lib/erlang/bin"
    return RabbitPrograms(
        scripts[-1], mappers[-1], f"{erlang}:{path}:/usr/sbin:/usr/bin:/sbin:/bin"
    )


def _apt(*arguments: str, folder: Path | None = None) -> str:
    """Run apt without questions and return what it printed."""
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    done = subprocess.run(
        arguments,
        check=False,
        cwd=folder,
        env=environment,
        text=True,
        capture_output=True,
        stdin=subprocess.DEVNULL,
        timeout=INSTALL_SECONDS,
    )
    if done.returncode != 0:
        raise ServerDidNotStart(f"RabbitMQ: {' '.join(arguments[:3])}\n{done.stderr}", None)
    return done.stdout


def _install() -> None:
    """Install the package without letting it start a broker of its own on the usual port."""
    ours = not POLICY.exists()
    if ours:
        POLICY.write_text("#!/bin/sh\nexit 101\n")
        POLICY.chmod(0o755)
    try:
        _apt("apt-get", "update", "-qq")
        _apt("apt-get", "install", "-y", "-qq", "--no-install-recommends", "rabbitmq-server")
    finally:
        if ours:
            POLICY.unlink()


def _unpack(root: Path) -> RabbitPrograms | None:
    """Download the package and its Erlang as an ordinary user and unpack them under `root`."""
    downloads = root / "packages"
    downloads.mkdir(parents=True, exist_ok=True)
    tree = _apt(
        "apt-cache",
        "depends",
        "--recurse",
        "--no-recommends",
        "--no-suggests",
        "--no-conflicts",
        "--no-breaks",
        "--no-replaces",
        "--no-enhances",
        "rabbitmq-server",
    )
    wanted = sorted(
        {
            name
            for name in re.findall(r"^(\S+)$", tree, re.MULTILINE)
            if name.startswith(("erlang-", "rabbitmq-server"))
        }
    )
    _apt("apt-get", "download", *wanted, folder=downloads)
    for package in sorted(downloads.glob("*.deb")):
        subprocess.run(["dpkg", "-x", str(package), str(root)], check=True)
    erl = root / "usr/lib/erlang/bin/erl"
    script = re.sub(
        r"^ROOTDIR=.*$", f'ROOTDIR="{root}/usr/lib/erlang"', erl.read_text(), flags=re.MULTILINE
    )
    erl.write_text(script)
    shutil.rmtree(downloads)
    return _look_in(root)
