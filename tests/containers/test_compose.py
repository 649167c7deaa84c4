"""docker-compose.yml and the Dockerfile, as far as can be tested without a Docker engine."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

if TYPE_CHECKING:
    from collections.abc import Mapping

PROJECT = Path(__file__).parents[2]
PROGRAMS = PROJECT / ".cache" / "containers" / "bin"
COMPOSE = (PROJECT / "docker-compose.yml").read_text(encoding="utf-8")
EXAMPLE = (PROJECT / ".env.example").read_text(encoding="utf-8")
SIGN_IN = (
    "DASHBOARD_ADDRESS",
    "DASHBOARD_URL",
    "DASHBOARD_OIDC_METADATA_URL",
    "DASHBOARD_OIDC_CLIENT_ID",
    "DASHBOARD_OIDC_CLIENT_SECRET",
)
PASSWORDS = {"POSTGRES_PASSWORD": "one", "PGADMIN_PASSWORD": "two"}
AIRFLOW = {"prepare", "page", "scheduler", "dag-processor", "worker"}
PROFILES = {
    "": {"postgres"},
    "pipeline": {"postgres", "pipeline"},
    "pgadmin": {"postgres", "pgadmin"},
    "demo": {"postgres", "sandbox", "demo"},
    "scheduler": {"postgres", "scheduler"},
    "metrics": {"postgres", "metrics"},
    "dashboard": {"postgres", "dashboard"},
    "celery": {"postgres", "redis"} | {f"airflow-{part}" for part in AIRFLOW},
}
PORTS = {
    "POSTGRES_PORT": {"postgres": 5432},
    "PGADMIN_PORT": {"pgadmin": 5050},
    "METRICS_PORT": {"metrics": 9817},
    "DASHBOARD_PORT": {"dashboard": 8501},
    "AIRFLOW_PORT": {"scheduler": 8080, "airflow-page": 8080},
}


def compose(
    *options: str, variables: Mapping[str, str], env_file: str = os.devnull
) -> subprocess.CompletedProcess[str]:
    """The real `docker compose config` with only these variables; it always exits with 0 here."""
    program = str(PROGRAMS / "docker-compose")
    return subprocess.run(
        [program, "--env-file", env_file, *options, "config", "--format", "json"],
        cwd=PROJECT,
        env={"PATH": os.defpath, **variables},
        capture_output=True,
        text=True,
        check=False,
    )


def config(profile: str = "*", **variables: str) -> Any:  # noqa: ANN401 - any JSON
    """The file as `docker compose` resolves it."""
    done = compose("--profile", profile, variables={**PASSWORDS, **variables})
    assert not done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("profile", PROFILES)
def test_a_profile_starts_what_it_is_for(profile: str) -> None:
    assert config(profile)["services"].keys() == PROFILES[profile]


@pytest.mark.parametrize("password", PASSWORDS)
def test_no_password_is_no_password(password: str) -> None:
    for nothing in ({}, {password: ""}):
        others = {name: value for name, value in PASSWORDS.items() if name != password}
        done = compose(variables={**others, **nothing})
        assert not done.stdout
        said = rf"required variable {password} is missing a value: choose a password for .+ \.env"
        assert re.search(said, done.stderr)


def test_the_passwords_are_in_no_other_place() -> None:
    found = config()
    dashboard = json.dumps(found["services"].pop("dashboard"))
    text = json.dumps(found)
    assert not re.findall('"(?:one|two)"', dashboard)
    assert text.count('"one"') == len(re.findall('"(?:POSTGRES_|PG)PASSWORD": ', text))
    assert text.count('"two"') == 1


@pytest.mark.parametrize("variable", PORTS)
def test_a_port_is_open_to_this_machine_alone_and_can_be_another(variable: str) -> None:
    for service, port in PORTS[variable].items():
        given: tuple[dict[str, str], ...] = ({}, {variable: "6789"})
        for variables, published in zip(given, (port, 6789), strict=True):
            (found,) = config(**variables)["services"][service]["ports"]
            assert (found["host_ip"], found["published"]) == ("127.0.0.1", str(published))


def test_no_other_port_is_open() -> None:
    services = config()["services"]
    assert {name for name in services if "ports" in services[name]} == {
        service for services in PORTS.values() for service in services
    }


def test_what_stays_up_says_how_it_is_and_keeps_its_data_in_a_named_volume() -> None:
    found = config()
    for name, service in found["services"].items():
        if service.get("restart") == "unless-stopped":
            assert service["healthcheck"]["test"]
            mounts = service.get("volumes", ())
            kept = [each["source"] for each in mounts if each["type"] == "volume"]
            assert set(kept) <= found["volumes"].keys()
            assert bool(kept) == (name != "dashboard")  # it keeps nothing


def test_the_dashboard_knows_the_reader_alone() -> None:
    settings = {
        "POSTGRES_READER_PASSWORD": "three",
        "TARGET_POSTGRES_DEFAULT_TARGET_SCHEMA": "books",
    }
    assert config(**settings)["services"]["dashboard"]["environment"] == {
        "PGHOST": "postgres",
        "PGUSER": "pennylane_reader",
        "PGPASSWORD": "three",
        "PGDATABASE": "pennylane",
        "PGOPTIONS": "-csearch_path=books_marts,books_live,books,books_logs",
        **dict.fromkeys(SIGN_IN),
    }


def test_with_a_sign_in_the_dashboard_may_listen_elsewhere() -> None:
    settings = {**dict.fromkeys(SIGN_IN, "given"), "DASHBOARD_ADDRESS": "10.0.0.7"}
    found = config(**settings)["services"]["dashboard"]
    # Without one, it refuses to start at that address.
    assert settings.items() <= found["environment"].items()
    assert found["ports"][0]["host_ip"] == "10.0.0.7"


def test_what_is_mounted_is_there() -> None:
    for service in config()["services"].values():
        for mount in service.get("volumes", ()):
            assert mount["type"] == "volume" or Path(mount["source"]).is_file()


def test_no_container_may_do_more_than_a_user() -> None:
    for name, service in config()["services"].items():
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        # Its Python executable cannot start without it; its user gains nothing from it.
        assert service.get("cap_add") == (["NET_BIND_SERVICE"] if name == "pgadmin" else None)


def test_our_own_containers_write_nowhere() -> None:
    ours = [each for each in config()["services"].values() if "build" in each]
    assert ours
    for service in ours:
        assert service["read_only"]


def test_the_queue_is_reached_by_the_parts_of_airflow_alone() -> None:
    found = config()
    reached = {name for name, each in found["services"].items() if "queue" in each["networks"]}
    assert reached == {"redis"} | {f"airflow-{part}" for part in AIRFLOW}
    assert found["networks"]["queue"]["internal"]
    assert found["services"]["redis"]["networks"].keys() == {"queue"}


def test_every_setting_of_the_tap_gets_in() -> None:
    project = yaml.safe_load((PROJECT / "meltano.yml").read_text(encoding="utf-8"))
    (tap,) = project["plugins"]["extractors"]
    wanted = {f"TAP_PENNYLANE_{setting['name']}".upper(): "7" for setting in tap["settings"]}
    found = config(**wanted)["services"]["pipeline"]["environment"]
    assert {name: found[name] for name in wanted} == wanted


def test_several_companies_reach_what_loads_them_and_nothing_else(tmp_path: Path) -> None:
    for name in ("docker-compose.yml", "docker-compose.companies.yml"):
        (tmp_path / name).write_bytes((PROJECT / name).read_bytes())
    (tmp_path / "companies.yml").write_text("dupont: {token: DUPONT_TOKEN}\n")
    settings = "COMPOSE_FILE=docker-compose.yml:docker-compose.companies.yml\n"
    (tmp_path / ".env").write_text(
        settings + "".join(f"{name}={value}\n" for name, value in PASSWORDS.items())
    )

    def resolved() -> subprocess.CompletedProcess[str]:
        program = str(PROGRAMS / "docker-compose")
        return subprocess.run(
            [program, "--profile", "*", "config", "--format", "json"],
            cwd=tmp_path,
            env={"PATH": os.defpath},
            capture_output=True,
            text=True,
            check=False,
        )

    assert "companies.env not found" in resolved().stderr
    (tmp_path / "companies.env").write_text("DUPONT_TOKEN=the-token\n")
    done = resolved()
    assert not done.stderr
    services = json.loads(done.stdout)["services"]
    loading = {
        name
        for name, each in services.items()
        if each.get("build", {}).get("target") in {"pipeline", "scheduler"} and name != "demo"
    }
    assert {"pipeline", "scheduler", "metrics", "airflow-worker"} < loading
    for name, service in services.items():
        mounts = {each["target"]: each for each in service.get("volumes", ())}
        has_token = service.get("environment", {}).get("DUPONT_TOKEN") == "the-token"
        assert has_token == ("/app/companies.yml" in mounts) == (name in loading), name
        if name in loading:
            mount = mounts["/app/companies.yml"]
            assert mount["source"] == str(tmp_path / "companies.yml")
            assert mount["read_only"]
            assert not mount["bind"].get("create_host_path")
            # What the base file gives it stays.
            assert {"/tmp", "/app/.meltano/run", "/app/.meltano/companies"} <= {  # noqa: S108
                each.partition(":")[0] for each in service["tmpfs"]
            }
            assert service["environment"]["POSTGRES_PASSWORD"] == "one"  # noqa: S105
            if name != "pipeline":
                assert mounts["/app/.meltano/airflow"]["type"] == "volume"


def test_env_example_names_every_variable(tmp_path: Path) -> None:
    named = set(re.findall(r"^#?(\w+)=", EXAMPLE, re.MULTILINE))
    assert set(re.findall(r"\$\{(\w+)", COMPOSE)) <= named
    # Copied and filled in, it is sufficient.
    filled = EXAMPLE
    for name, value in PASSWORDS.items():
        filled, times = re.subn(rf"^{name}=$", f"{name}={value}", filled, flags=re.MULTILINE)
        assert times == 1
    (tmp_path / ".env").write_text(filled, encoding="utf-8")
    done = compose("--profile", "*", variables={}, env_file=str(tmp_path / ".env"))
    assert not done.stderr
    assert json.loads(done.stdout)["services"].keys() == config()["services"].keys()


def test_every_setting_of_postgresql_says_why() -> None:
    lines = COMPOSE.splitlines()
    settings = {number for number, line in enumerate(lines) if line.strip().startswith("- -c")}
    assert settings
    for number in settings:
        assert number - 1 in settings or lines[number - 1].strip().startswith("# ")


def test_pgadmin_takes_the_login() -> None:
    email = config()["services"]["pgadmin"]["environment"]["PGADMIN_DEFAULT_EMAIL"]
    # pgAdmin's requirements; with a special name such as localhost, it would not start.
    asked = (
        "from email_validator import validate_email as ask; ask({!r}, check_deliverability=False)"
    )
    python = PROJECT / ".cache" / "pgadmin" / "bin" / "python"
    subprocess.run([python, "-c", asked.format(email)], check=True)


def test_the_dockerfile_has_no_known_fault() -> None:
    done = subprocess.run(
        [PROGRAMS / "hadolint", "--failure-threshold", "info", "Dockerfile"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "")
