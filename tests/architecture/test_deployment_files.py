"""Dockerfile, compose and Kubernetes files: valid by their own tools, and true to the catalogue."""

from __future__ import annotations

import json
import re
import subprocess
import tomllib
from typing import Any

import pytest
import yaml
from deployment import (
    OVERLAYS,
    Document,
    compose_config,
    compose_services,
    container_variables,
    example_secrets,
    example_values,
    known_variables,
    of_kind,
    program,
    rendered,
)
from sources import ROOT, SERVICES, module_of

# Read by the programs in the images, not by a service's settings.
NOT_SETTINGS = {"HOME"}
CUSTOM_KINDS = {"ScaledObject", "TriggerAuthentication"}
ONE_OFF = ("broker-setup", *(f"{service}-migrate" for service in SERVICES))


def test_dockerfile_passes_hadolint() -> None:
    done = subprocess.run(
        [program("hadolint"), str(ROOT / "services/Dockerfile")],
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout


def test_dockerfile_knows_every_service() -> None:
    text = (ROOT / "services/Dockerfile").read_text()
    stages = set(re.findall(r"^FROM sources AS sources-(.+)$", text, re.MULTILINE))
    assert stages == set(SERVICES)
    assert "\nUSER 10001:10001\n" in text


def test_dockerfile_names_stages_by_what_stands_before_all_of_them() -> None:
    text = (ROOT / "services/Dockerfile").read_text()
    before, _, after = text.partition("\nFROM ")
    known = set(re.findall(r"^ARG (\w+)=\S", before, re.MULTILINE))
    used = set(re.findall(r"^FROM .*?\$\{(\w+)\}", f"FROM {after}", re.MULTILINE))
    assert used == known


def test_the_simulators_find_what_they_need_in_their_lock() -> None:
    text = (ROOT / "services/Dockerfile").read_text()
    (lock,) = re.findall(r"^COPY (requirements/\S+) /tmp/simulators.lock$", text, re.MULTILINE)
    pinned = set(re.findall(r"^([a-z0-9-]+)==", (ROOT / lock).read_text(), re.MULTILINE))
    project = tomllib.loads((ROOT / "scripts/simulators/pyproject.toml").read_text())["project"]
    needed = {re.split("[^a-z0-9-]", name)[0] for name in project["dependencies"]}
    assert needed - pinned == set()


def test_health_checks_hold_no_space_inside_an_argument() -> None:
    text = (ROOT / "services/Dockerfile").read_text()
    commands = [json.loads(found) for found in re.findall(r"HEALTHCHECK .* CMD (\[.*\])", text)]
    commands += [
        service["healthcheck"]["test"]
        for service in compose_services().values()
        if "test" in service.get("healthcheck", {})
    ]
    assert len(commands) >= 5
    assert [part for command in commands for part in command if " " in part] == []


def test_compose_is_valid() -> None:
    done = compose_config(example_values(), "--profile", "*", "config", "--quiet")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "name", ["CHAT_ADMIN_KEY", "CHAT_MASTER_KEYS", "CHAT_POSTGRES_PASSWORD", "CHAT_APP_RETRIEVER"]
)
def test_compose_refuses_to_start_without_a_secret(name: str) -> None:
    values = {key: value for key, value in example_values().items() if key != name}
    done = compose_config(values, "config", "--quiet")
    assert done.returncode != 0
    assert name in done.stderr


def test_chatctl_gives_compose_every_secret() -> None:
    from chatctl.generated_secrets import names

    made = {f"CHAT_{name.replace(':', '_').replace('-', '_').upper()}" for name in names()}
    text = (ROOT / "compose/compose.yaml").read_text()
    required = set(re.findall(r"\$\{(CHAT_[A-Z_]+):\?", text))
    assert required <= made


def test_compose_runs_every_service_from_the_one_recipe() -> None:
    services = compose_services()
    for name in SERVICES:
        for each in (name, f"{name}-migrate"):
            assert services[each]["build"]["args"]["SERVICE"] == name
            assert services[each]["image"] == f"chat/{name}:local"
        assert services[f"{name}-migrate"]["command"] == ["migrate"]


def test_compose_starts_a_service_after_its_migration_and_the_broker() -> None:
    for name in SERVICES:
        wanted = compose_services()[name]["depends_on"]
        for job in ("broker-setup", f"{name}-migrate"):
            assert wanted[job]["condition"] == "service_completed_successfully"


def test_every_worker_can_be_scaled() -> None:
    services = compose_services()
    assert [name for name, service in services.items() if "container_name" in service] == []
    with_ports = {name for name, service in services.items() if service.get("ports")}
    assert with_ports == {"gateway", "edge"}


def test_containers_may_do_little() -> None:
    for name in (*SERVICES, *ONE_OFF):
        service = compose_services()[name]
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]


def test_each_service_has_its_own_role_database_and_broker_user() -> None:
    for name in SERVICES:
        environment = compose_services()[name]["environment"]
        upper, module = module_of(name).upper(), module_of(name)
        database, broker = f"value-of-CHAT_APP_{upper}", f"value-of-CHAT_BROKER_{upper}"
        assert environment[f"CHAT_{upper}_DATABASE_URL"] == (
            f"postgresql://{module}:{database}@postgres:5432/chat_{module}"
        )
        assert environment[f"CHAT_{upper}_AMQP_URL"] == (
            f"amqp://{name}:{broker}@rabbitmq:5672/chat"
        )


def test_only_its_migration_sees_an_owner() -> None:
    seen = {
        name
        for name, service in compose_services().items()
        for value in (service.get("environment") or {}).values()
        if value and "value-of-CHAT_OWNER_" in value
    }
    assert seen == {"postgres", *(f"{name}-migrate" for name in SERVICES)}


@pytest.mark.parametrize("service", SERVICES)
def test_compose_says_nothing_that_a_service_does_not_read(service: str) -> None:
    said = set(compose_services()[service]["environment"]) - NOT_SETTINGS
    assert said - known_variables(service) == set()


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_kubernetes_files_are_valid(overlay: str, tmp_path: Any) -> None:
    objects = [found for found in rendered(overlay) if found["kind"] not in CUSTOM_KINDS]
    file = tmp_path / "objects.yaml"
    file.write_text(yaml.safe_dump_all(objects))
    done = subprocess.run(
        [program("kubernetes-validate"), "--strict", "--quiet", str(file)],
        check=False,
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_kubernetes_has_everything_for_each_service(overlay: str) -> None:
    objects = rendered(overlay)
    wanted = set(SERVICES)
    assert set(of_kind(objects, "Deployment")) == wanted
    assert set(of_kind(objects, "PodDisruptionBudget")) == wanted
    assert set(of_kind(objects, "ScaledObject")) == wanted - {"gateway"}
    assert set(of_kind(objects, "HorizontalPodAutoscaler")) == {"gateway"}
    jobs = {f"migrate-{service}" for service in SERVICES} | {"broker-setup"}
    assert set(of_kind(objects, "Job")) == jobs


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_kubernetes_gives_a_service_what_compose_gives_it(overlay: str) -> None:
    deployments = of_kind(rendered(overlay), "Deployment")
    for service in SERVICES:
        got = container_variables(overlay, deployments[service]["spec"]["template"])
        wanted = set(compose_services()[service]["environment"])
        # Of use on one machine only, or the owner's choice and empty at first.
        optional = {
            "CHAT_DEMO_CHANNEL_KEY", "CHAT_OPENAI_BASE_URL", "CHAT_ANTHROPIC_BASE_URL",
            "CHAT_OLLAMA_BASE_URL", "CHAT_WEBHOOK_ALLOW_PRIVATE_NETWORKS",
            "CHAT_WEB_ALLOW_PRIVATE_NETWORKS", "CHAT_TOOLS_ALLOW_PRIVATE_NETWORKS",
            "CHAT_MCP_COMMANDS",
        }  # fmt: skip
        assert wanted - got - optional == set(), service


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_only_jobs_see_an_owner_in_kubernetes(overlay: str) -> None:
    objects = rendered(overlay)
    for service, deployment in of_kind(objects, "Deployment").items():
        got = container_variables(overlay, deployment["spec"]["template"])
        assert [name for name in got if "_OWNER_" in name] == [], service
    for service in SERVICES:
        job = of_kind(objects, "Job")[f"migrate-{service}"]
        owner = f"CHAT_{module_of(service).upper()}_OWNER_DATABASE_URL"
        assert owner in container_variables(overlay, job["spec"]["template"])


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_scalers_look_at_queues_of_their_own_service(overlay: str) -> None:
    definitions = json.loads((ROOT / "contracts/broker/definitions.json").read_text())
    queues = {queue["name"] for queue in definitions["queues"] if queue["vhost"] == "chat"}
    for service, scaler in of_kind(rendered(overlay), "ScaledObject").items():
        assert scaler["spec"]["scaleTargetRef"]["name"] == service
        for trigger in scaler["spec"]["triggers"]:
            queue = trigger["metadata"]["queueName"]
            assert queue in queues
            assert queue.startswith(f"{service}.")


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_pods_may_do_little(overlay: str) -> None:
    pods = [
        found["spec"]["template"]["spec"]
        for kind in ("Deployment", "Job")
        for found in of_kind(rendered(overlay), kind).values()
    ]
    assert len(pods) == 2 * len(SERVICES) + 1
    assert [pod for pod in pods if not _restricted(pod)] == []


def _restricted(pod: Document) -> bool:
    (container,) = pod["containers"]
    rights = container["securityContext"]
    return (
        pod["securityContext"]["runAsNonRoot"]
        and pod["automountServiceAccountToken"] is False
        and rights["readOnlyRootFilesystem"]
        and rights["allowPrivilegeEscalation"] is False
        and rights["capabilities"] == {"drop": ["ALL"]}
        and "memory" in container["resources"]["limits"]
    )


def test_no_secret_stands_in_a_file() -> None:
    values = [value for secret in example_secrets().values() for value in secret.values()]
    assert [value for value in values if value and not re.search("CHANGE-ME|HOST", value)] == []
