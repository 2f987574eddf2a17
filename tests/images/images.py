"""Images of this repository, built and run by docker or podman."""

import json
import os
import shlex
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
PROGRAMS: Final = ("activator", "autoscaler", "controller", "queueproxy")
_AS_THE_CHART_RUNS_IT: Final = ("--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges")


@cache
def tool() -> str | None:
    """Return the program that builds and runs images; None: there is none that works here."""
    for name in ("docker", "podman"):
        if shutil.which(name) and _ends_well(name, "info"):
            return name
    return None


def python_image() -> str | None:
    """Return the base image if it is here or may be had; None: it is not."""
    named = os.environ.get("INFLIGHT_TEST_PYTHON_IMAGE")
    base = named or "python:3.12-slim-bookworm"
    return base if named or _ends_well(str(tool()), "image", "inspect", base) else None


def _ends_well(*command: str) -> bool:
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def _ask(*arguments: str) -> str:
    """Run docker or podman; return what it says. Its errors go where those of the tests go."""
    command = (str(tool()), *arguments)
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout.strip()


@dataclass(frozen=True)
class Image:
    """One program's image."""

    program: str
    name: str

    def layers(self) -> list[str]:
        """Return the digests of the layers, the base's first."""
        found: list[str] = json.loads(
            _ask("image", "inspect", "--format", "{{json .RootFS.Layers}}", self.name)
        )
        return found

    def run(
        self, *arguments: str, entrypoint: str | None = None
    ) -> "subprocess.CompletedProcess[str]":
        """Run to the end, without a network, with the rights that the chart gives."""
        words = [str(tool()), "run", "--rm", "--network=none", *_AS_THE_CHART_RUNS_IT]
        if entrypoint is not None:
            words.append(f"--entrypoint={entrypoint}")
        return subprocess.run(
            [*words, self.name, *arguments], capture_output=True, text=True, check=False
        )

    @contextmanager
    def started(
        self, environ: Mapping[str, str], *, network: str = "none"
    ) -> Iterator["Container"]:
        """Start a container with the rights that the chart gives; remove it in the end."""
        settings = [f"--env={key}={value}" for key, value in environ.items()]
        container = Container(
            _ask(
                *("run", "--detach", f"--network={network}", "--tmpfs=/run/inflight"),
                *(*_AS_THE_CHART_RUNS_IT, *settings, self.name),
            )
        )
        try:
            yield container
        finally:
            _ask("rm", "--force", container.name)


@dataclass(frozen=True)
class Container:
    """A container that was started."""

    name: str

    def log(self) -> str:
        """Return standard output and standard error so far."""
        command = (str(tool()), "logs", self.name)
        return subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=True
        ).stdout

    def terminate(self) -> int:
        """Send SIGTERM and wait for the end; return the exit code."""
        _ask("kill", "--signal=TERM", self.name)
        return int(_ask("wait", self.name))


@contextmanager
def built_images(tag: str, context: Path) -> Iterator[Mapping[str, Image]]:
    """Build the images of all programs; take their names away in the end, and keep the cache."""
    images = {it: Image(it, f"localhost/inflight-test/{it}:{tag}") for it in PROGRAMS}
    base = f"--build-arg=PYTHON_IMAGE={python_image()}"
    given = shlex.split(os.environ.get("INFLIGHT_TEST_BUILD_ARGUMENTS", ""))
    for program, image in images.items():
        target = (f"--target={program}", f"--tag={image.name}")
        _ask("build", base, *target, *given, str(context))
    try:
        yield images
    finally:
        _ask("rmi", "--no-prune", *(image.name for image in images.values()))
