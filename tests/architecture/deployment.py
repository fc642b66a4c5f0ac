"""The deployment files as their own tools read them."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from sources import ROOT

COMPOSE = ROOT / "compose/compose.yaml"
OVERLAYS = ("staging", "production")
OUTSIDE = re.compile(r"^(CHAT_|DOCKER_|COMPOSE_)")

Document = dict[str, Any]


def program(name: str) -> str:
    """Return where a tool of the development environment is; skips the test where it is not."""
    beside = Path(sys.executable).parent / name
    found = str(beside) if beside.exists() else shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed: its wheel has no program for this machine")
    return found


def example_values() -> dict[str, str]:
    """Return the variables of compose/example.env, every empty one with a value of its own."""
    lines = (ROOT / "compose/example.env").read_text().splitlines()
    pairs = [line.split("=", 1) for line in lines if line and not line.startswith("#")]
    return {name: value or f"value-of-{name}" for name, value in pairs}


def compose_config(values: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `docker-compose config` with these variables and no others of the platform."""
    inherited = {name: value for name, value in os.environ.items() if not OUTSIDE.match(name)}
    return subprocess.run(
        [program("docker-compose"), "--file", str(COMPOSE), *arguments],
        cwd=ROOT,
        env={**inherited, **values, "COMPOSE_DISABLE_ENV_FILE": "1"},
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )


@cache
def compose_services() -> dict[str, Document]:
    """Return the services of every profile, as compose understands them."""
    done = compose_config(example_values(), "--profile", "*", "config", "--format", "json")
    assert done.returncode == 0, done.stderr
    services: dict[str, Document] = json.loads(done.stdout)["services"]
    return services


@cache
def rendered(overlay: str) -> tuple[Document, ...]:
    """Return the objects of an overlay."""
    done = subprocess.run(
        [program("kubectl"), "kustomize", str(ROOT / "k8s/overlays" / overlay)],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return tuple(yaml.safe_load_all(done.stdout))


def of_kind(objects: tuple[Document, ...], kind: str) -> dict[str, Document]:
    """Return the objects of a kind by name."""
    return {found["metadata"]["name"]: found for found in objects if found["kind"] == kind}


@cache
def example_secrets() -> dict[str, dict[str, str]]:
    """Return the keys and values of k8s/secrets.example.yaml by secret."""
    text = (ROOT / "k8s/secrets.example.yaml").read_text()
    return {secret["metadata"]["name"]: secret["stringData"] for secret in yaml.safe_load_all(text)}


def container_variables(overlay: str, pod: Document) -> set[str]:
    """Return the names of the variables that the one container of a pod gets."""
    settings = next(
        found["data"]
        for name, found in of_kind(rendered(overlay), "ConfigMap").items()
        if name.startswith("chat-settings")
    )
    (container,) = pod["spec"]["containers"]
    names = {entry["name"] for entry in container.get("env", ())}
    for source in container["envFrom"]:
        if "secretRef" in source:
            names |= set(example_secrets()[source["secretRef"]["name"]])
        else:
            names |= set(settings)
    return names


def known_variables(service: str) -> set[str]:
    """Return every environment variable that a service reads."""
    from importlib import import_module

    from process.settings import variable_name

    settings = import_module(f"{service.replace('-', '_')}.config").Settings
    return {variable_name(settings, name) for name in settings.model_fields}
