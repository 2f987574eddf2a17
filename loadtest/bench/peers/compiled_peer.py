"""Our sidecar as an image has it: the hot path compiled by mypyc (docs/decisions/0003)."""

import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from loadtest.bench.core.names import OURS_COMPILED
from loadtest.bench.peers.inflight_peer import InflightPeer
from loadtest.bench.peers.peer import Launch, Seat
from loadtest.bench.tool import MissingError, output_of

_REPOSITORY: Final = Path(__file__).parents[3]
_PARTS: Final = ("pyproject.toml", "README.md", "LICENSE", "servingkit", "queueproxy")
_ENVIRON: Final = {"HATCH_BUILD_HOOK_ENABLE_MYPYC": "1"}


class CompiledPeer:
    """`python -m queueproxy` from a wheel that is built before the run."""

    name = OURS_COMPILED
    description = "the sidecar, `CONTAINER_CONCURRENCY=0`, its hot path compiled with mypyc"

    def __init__(self) -> None:
        self._plain = InflightPeer(limited=False)
        self._packages = ""

    async def prepare(self, folder: Path) -> Mapping[str, str]:
        """Build it from a copy of the sources. Raises MissingError with pip's words."""
        if not (_REPOSITORY / "pyproject.toml").exists():
            message = "the sources are needed: run it from a checkout"
            raise MissingError(message)
        source, packages = folder / "source", folder / "compiled"
        source.mkdir()
        for part in _PARTS:
            # A copy: the hook leaves what it compiles beside the sources.
            copy = shutil.copytree if (_REPOSITORY / part).is_dir() else shutil.copy2
            copy(_REPOSITORY / part, source / part)
        pip = (sys.executable, "-m", "pip", "install", "--quiet", "--no-deps")
        output = await output_of(*pip, "--target", str(packages), str(source), environ=_ENVIRON)
        if not any(packages.glob("servingkit/http1/exchange.*.so")):
            message = f"it could not be compiled: {output.strip()}"
            raise MissingError(message)
        self._packages = str(packages)
        return {}

    def launch(self, seat: Seat) -> Launch:
        """Return how it is started: `-P` keeps the checkout's own modules off the path."""
        environ = {**self._plain.launch(seat).environ, "PYTHONPATH": self._packages}
        return Launch((sys.executable, "-P", "-m", "queueproxy"), environ)
