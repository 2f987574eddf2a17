"""The images, built and run with the rights that the chart gives them."""

import re
import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest
import requests

from tests.images.images import PROGRAMS, ROOT, Image, built_images
from tests.integration.programs import sidecar_settings, sleeper, takes_connections, wait_until
from tests.ports import free_port

pytestmark = pytest.mark.images
each_program = pytest.mark.parametrize("program", PROGRAMS)

_WITHOUT_AN_API = {
    "INFLIGHT_KUBERNETES_URL": "http://127.0.0.1:9",
    "POD_NAME": "here-1",
    "POD_NAMESPACE": "inflight-system",
    "POD_IP": "127.0.0.1",
    "INFLIGHT_SIDECAR_IMAGE": "example/queueproxy:1",
    "INFLIGHT_CERTIFICATE_SECRET": "certificate",
    "INFLIGHT_WEBHOOK_SERVICE": "webhook",
    "INFLIGHT_WEBHOOK_CONFIGURATION": "webhook",
}


@each_program
def test_a_program_without_settings_names_them_and_ends_with_78(
    built: Mapping[str, Image], program: str
) -> None:
    done = built[program].run()
    assert done.returncode == 78, done.stderr
    assert "not set; expected" in done.stderr
    assert "Traceback" not in done.stderr


@each_program
def test_a_program_has_no_rights(built: Mapping[str, Image], program: str) -> None:
    done = built[program].run(
        "-c", "id -u; grep -E '^(CapEff|CapBnd)' /proc/self/status; touch /site/x", entrypoint="sh"
    )
    assert done.stdout.split() == ["65532", "CapEff:", "0" * 16, "CapBnd:", "0" * 16]
    assert "Read-only file system" in done.stderr


@each_program
def test_of_our_packages_an_image_has_its_programs_and_servingkit(
    built: Mapping[str, Image], program: str
) -> None:
    done = built[program].run("/site", entrypoint="ls")
    ours = {path.parent.name for path in ROOT.glob("*/__main__.py")} | {"servingkit"}
    assert ours & set(done.stdout.split()) == {program, "servingkit"}


def test_the_sidecars_image_has_nothing_of_the_cluster(built: Mapping[str, Image]) -> None:
    done = built["queueproxy"].run("/site/servingkit", entrypoint="ls")
    assert "core" in done.stdout.split()
    assert not {"cluster", "picture.py"} & set(done.stdout.split())


@each_program
def test_nothing_is_compiled_at_the_start(built: Mapping[str, Image], program: str) -> None:
    done = built[program].run("-v", "-m", program, entrypoint="python")
    assert done.returncode == 78
    # What comes from byte code is in quotes, what is compiled is not.
    assert re.findall(r"^# code object from ([^'\n]+)$", done.stderr, re.MULTILINE) == []
    assert "# code object from '/site/__pycache__/" in done.stderr


def test_the_hot_path_is_machine_code(built: Mapping[str, Image]) -> None:
    done = built["queueproxy"].run(
        "-c",
        "from queueproxy import proxy_handler; from servingkit.http1 import exchange;"
        "print(proxy_handler.__file__, exchange.__file__)",
        entrypoint="python",
    )
    files = done.stdout.split()
    assert len(files) == 2
    assert all(file.startswith("/site/") and file.endswith(".so") for file in files)


def test_the_sidecar_serves_and_drains(built: Mapping[str, Image]) -> None:
    user_port = free_port()
    settings = sidecar_settings(user_port, container_concurrency=2)
    serving_port = int(settings["QUEUE_SERVING_PORT"])
    metrics_url = f"http://127.0.0.1:{settings['INFLIGHT_METRICS_PORT']}/metrics"
    with sleeper(user_port), built["queueproxy"].started(settings, network="host") as sidecar:
        wait_until(lambda: takes_connections(user_port), "the model listens")
        wait_until(lambda: takes_connections(serving_port), "the sidecar listens")
        answer = requests.get(f"http://127.0.0.1:{serving_port}/?sleep=1", timeout=60)
        assert answer.status_code == 200
        page = requests.get(metrics_url, timeout=60).text
        assert 'inflight_requests_total{code="200"} 1.0' in page
        assert sidecar.terminate() == 0
        assert '"phase": "drained"' in sidecar.log()


@pytest.mark.parametrize("program", ["activator", "autoscaler", "controller"])
def test_without_an_api_a_program_says_so_and_goes_on(
    built: Mapping[str, Image], program: str
) -> None:
    with built[program].started(_WITHOUT_AN_API) as container:
        wait_until(lambda: "Cannot connect to host 127.0.0.1:9" in container.log(), "it says so")
        assert container.terminate() == 0
        assert "Traceback" not in container.log()


def test_an_image_is_the_same_to_the_byte_when_it_is_built_again_elsewhere(
    built: Mapping[str, Image], tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    skipped = shutil.ignore_patterns(".git", ".venv", "build", "__pycache__")
    # This way to copy gives files the time of now.
    shutil.copytree(ROOT, elsewhere, ignore=skipped, copy_function=shutil.copy)
    with (elsewhere / "constraints.txt").open("a") as constraints:
        constraints.write("# Makes the builder use nothing that it has built before.\n")
    with built_images("again", elsewhere) as again:
        layers = {program: image.layers() for program, image in again.items()}
    assert layers == {program: image.layers() for program, image in built.items()}
