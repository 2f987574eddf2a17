"""What can be known of the images without building them.

For each program the packages of its extra, with all that they need, are laid out as the Dockerfile
lays them out, and the program is started with nothing else on its path. A program that lacks a
package fails to import; one that has all of them names its missing settings and ends with 78.
"""

import re
import subprocess
import sys
import tomllib
from functools import cache
from importlib.metadata import distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

_ROOT = Path(__file__).resolve().parents[2]
_PROGRAMS = ("activator", "autoscaler", "controller", "queueproxy")
_PYPROJECT = tomllib.loads((_ROOT / "pyproject.toml").read_text())


@cache
def _stages() -> dict[str, list[str]]:
    """Return the instructions of each stage by its name; continued lines are joined."""
    text = re.sub(r"\\\n", " ", (_ROOT / "Dockerfile").read_text())
    stages: dict[str, list[str]] = {}
    for line in text.splitlines():
        words = line.split()
        if words[:1] == ["FROM"]:
            stages[words[-1]] = [line]
        elif stages and words and not line.startswith("#"):
            stages[list(stages)[-1]].append(line)
    return stages


def _needed(extra: str) -> set[str]:
    """Return the names of all distributions that an extra installs."""
    needed: set[str] = set()
    for text in _PYPROJECT["project"]["optional-dependencies"][extra]:
        _add(Requirement(text), needed)
    return needed


def _add(requirement: Requirement, needed: set[str]) -> None:
    name = canonicalize_name(requirement.name)
    if name == "inflight":
        for extra in requirement.extras:
            needed |= _needed(extra)
    elif name not in needed:
        needed.add(name)
        for text in distribution(name).requires or ():
            inner = Requirement(text)
            extras = requirement.extras or {""}
            if inner.marker is None or any(inner.marker.evaluate({"extra": it}) for it in extras):
                _add(inner, needed)


def _lay_out(program: str, site: Path) -> None:
    for name in _needed(program):
        for file in distribution(name).files or ():
            top = file.parts[0]
            if top != ".." and not (site / top).exists():
                (site / top).symlink_to(str(distribution(name).locate_file(top)))
    for package in (program, "servingkit"):
        (site / package).symlink_to(_ROOT / package)


@pytest.mark.parametrize("program", _PROGRAMS)
def test_a_program_runs_on_what_its_image_holds(program: str, tmp_path: Path) -> None:
    _lay_out(program, tmp_path)
    done = subprocess.run(
        [sys.executable, "-S", "-P", "-m", program],
        env={"PYTHONPATH": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 78, done.stderr
    assert "not set; expected" in done.stderr


def test_the_sidecars_image_holds_three_packages_and_no_other() -> None:
    assert _needed("queueproxy") == {"httptools", "prometheus-client", "uvloop"}


@pytest.mark.parametrize("program", _PROGRAMS)
def test_everything_in_an_image_is_pinned(program: str) -> None:
    lines = (_ROOT / "constraints.txt").read_text().splitlines()
    pinned = {
        canonicalize_name(line.partition("==")[0]) for line in lines if line and line[0] != "#"
    }
    assert _needed(program) <= pinned


def test_the_builder_is_given_what_the_wheel_is_made_of() -> None:
    ignored = (_ROOT / ".dockerignore").read_text().splitlines()
    packages = _PYPROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    files = ["constraints.txt", "pyproject.toml", "README.md", "LICENSE"]
    assert ignored == [
        "*",
        *(f"!{name}" for name in files),
        *(f"!{name}" for name in sorted(packages)),
        "**/__pycache__",
    ]
    assert "COPY . ." in _stages()["build"]


@pytest.mark.parametrize("program", _PROGRAMS)
def test_an_image_is_started_as_a_user_without_rights(program: str) -> None:
    stage = _stages()[program]
    assert stage[0] == f"FROM base AS {program}"
    assert f'ENTRYPOINT ["python", "-m", "{program}"]' in stage
    assert "USER 65532:65532" in _stages()["base"]
    assert not any(line.startswith("USER") for line in stage)
