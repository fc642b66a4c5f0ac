"""What each process gets to know."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from chatctl.addresses import Addresses
from chatctl.compose_mode import FILE, ComposePlatform
from chatctl.environment import Environment, on_path, revision, with_account
from chatctl.generated_secrets import Secrets, names
from chatctl.overview import ENVIRONMENT_NAMES
from chatctl.run_folder import RunFolder
from chatctl.services import SERVICES, Service
from embedded import ServerUrls

URLS = ServerUrls(
    postgres="postgresql://admin:root-of-postgres@127.0.0.1:1/postgres",
    amqp="amqp://admin:root-of-amqp@127.0.0.1:2/%2F",
    management="http://admin:root-of-amqp@127.0.0.1:3",
    redis="redis://:redis-password@127.0.0.1:4/0",
)


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Environment:
    monkeypatch.setenv("CHAT_SOMETHING_OF_THE_CALLER", "x")
    folder = RunFolder(tmp_path)
    return Environment(folder, URLS, Secrets(folder), Addresses(folder))


@pytest.mark.parametrize("service", SERVICES, ids=lambda s: s.name)
def test_no_service_knows_an_administrator(environment: Environment, service: Service) -> None:
    values = " ".join(environment.for_migration(service).values())
    assert "root-of-" not in values


@pytest.mark.parametrize("service", SERVICES, ids=lambda s: s.name)
def test_no_service_knows_another_ones_passwords(
    environment: Environment, service: Service
) -> None:
    values = " ".join(environment.of(service).values())
    for other in SERVICES:
        if other != service:
            for kind in ("app", "owner", "broker"):
                assert environment.secrets[f"{kind}:{other.name}"] not in values


def test_only_a_migration_knows_the_owner(environment: Environment) -> None:
    service = Service("retriever")
    owner = environment.secrets["owner:retriever"]
    assert owner not in " ".join(environment.of(service).values())
    assert owner in environment.for_migration(service)["CHAT_RETRIEVER_OWNER_DATABASE_URL"]


def test_secrets_go_only_where_they_are_used(environment: Environment) -> None:
    admin = {s.name for s in SERVICES if "CHAT_ADMIN_KEY" in environment.of(s)}
    masters = {s.name for s in SERVICES if "CHAT_MASTER_KEYS" in environment.of(s)}
    assert admin == {"gateway"}
    sealed = {"gateway", "channel-ingress", "llm-router", "orchestrator", "webhook-dispatcher"}
    assert masters == sealed


def test_the_callers_own_settings_do_not_leak(environment: Environment) -> None:
    assert "CHAT_SOMETHING_OF_THE_CALLER" not in environment.of(Service("gateway"))


def test_services_know_from_which_commit_they_were_started(
    environment: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    revision.cache_clear()
    assert re.fullmatch(
        r"[0-9a-f]{12,40}(-dirty)?", environment.of(Service("gateway"))["CHAT_BUILD"]
    )
    monkeypatch.setenv("PATH", "")
    revision.cache_clear()
    assert environment.of(Service("gateway"))["CHAT_BUILD"] == "unknown"
    revision.cache_clear()


def test_a_given_provider_key_replaces_the_simulator(
    environment: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "127.0.0.1" in environment.shared()["CHAT_OPENAI_BASE_URL"]
    monkeypatch.setenv("CHAT_OPENAI_API_KEY", "a real one")
    shared = environment.shared()
    assert "CHAT_OPENAI_BASE_URL" not in shared
    assert shared["CHAT_OPENAI_API_KEY"] == "a real one"


def test_llm_use_wins_over_the_environment(
    environment: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHAT_LLM_MODEL", "from the shell")
    environment.folder.write(environment.folder.overrides, {"CHAT_LLM_MODEL": "chosen"})
    assert environment.shared()["CHAT_LLM_MODEL"] == "chosen"


def test_outside_view_and_seed_give_every_promised_name(environment: Environment) -> None:
    seeded = {
        "CHAT_TENANT_ID", "CHAT_TENANT_KEY", "CHAT_WIDGET_KEY", "CHAT_WHATSAPP_PHONE_NUMBER_ID",
        "CHAT_MESSENGER_PAGE_ID",
    }  # fmt: skip
    assert set(ENVIRONMENT_NAMES) <= set(environment.outside_view()) | seeded


def test_secrets_are_kept_private_and_differ(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    made = {name: Secrets(folder)[name] for name in names()}
    assert len(set(made.values())) == len(made)
    assert {name: Secrets(folder)[name] for name in names()} == made
    assert folder.secrets.stat().st_mode & 0o777 == 0o600


def test_secrets_asked_for_at_once_are_made_once(tmp_path: Path) -> None:
    secrets = Secrets(RunFolder(tmp_path))
    wanted = names() * 4
    with ThreadPoolExecutor(16) as pool:
        made = list(pool.map(secrets.__getitem__, wanted))
    assert dict(zip(wanted, made, strict=True)) == RunFolder(tmp_path).read(
        tmp_path / "secrets.json"
    )
    assert len(set(made)) == len(names())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["secrets.json"]


def test_addresses_stay(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    first = Addresses(folder).listen("retriever-admin")
    assert Addresses(folder).listen("retriever-admin") == first
    assert Addresses(folder).listen("orchestrator-admin") != first


def test_accounts_are_percent_encoded() -> None:
    url = with_account("amqp://a:b@127.0.0.1:5/%2F", "it's me", "p@ss/word", "chat")
    assert url == "amqp://it%27s%20me:p%40ss%2Fword@127.0.0.1:5/chat"
    assert on_path(url, "events").endswith("@127.0.0.1:5/events")


def test_compose_gets_every_variable_it_asks_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHAT_PORT", "1")
    folder = RunFolder(tmp_path)
    platform = ComposePlatform(folder)
    given = platform.variables("wch_1")
    required = set(re.findall(r"\$\{(CHAT_\w+):\?", FILE.read_text()))
    assert required <= set(given)
    assert {s.name for s in SERVICES} <= set(platform.published()["services"])
    assert all(
        p.startswith("127.0.0.1:")
        for e in platform.published()["services"].values()
        for p in e["ports"]
    )


def test_compose_accepts_the_files_that_up_writes(tmp_path: Path) -> None:
    program = Path(sys.executable).with_name("docker-compose")
    if not program.exists():
        pytest.skip("docker-compose is not installed in this environment")
    platform = ComposePlatform(RunFolder(tmp_path))
    platform._write_files("wch_1")
    command = [str(program), *platform._command("config", "--quiet")[2:]]
    clean = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=clean)
    assert done.returncode == 0, done.stderr


def test_others_may_pass_through_the_run_folder_but_see_nothing(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / ".chat")
    folder.make()
    assert folder.path.stat().st_mode & 0o777 == 0o711
    assert folder.logs.stat().st_mode & 0o777 == 0o700
