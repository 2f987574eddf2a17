"""Programs from outside: where they are, which version, and how to get them."""

import asyncio
import os
import re
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from loadtest.bench.core.bench_error import BenchError

_VERSION: Final = re.compile(r"\d+\.\d[^\s,]*")


class MissingError(BenchError):
    """A program is not there, or does not work. The text says how to get it."""


def find(program: str, install: str) -> str:
    """Return the path of a program: beside our Python, on the PATH, or where daemons live.

    Raises MissingError that names the command which installs it.
    """
    folders = [str(Path(sys.executable).parent), os.environ.get("PATH", ""), "/usr/sbin"]
    path = shutil.which(program, path=os.pathsep.join(folders))
    if path is None:
        message = f"{program} is not installed: {install}"
        raise MissingError(message)
    return path


async def output_of(*command: str, environ: Mapping[str, str] | None = None) -> str:
    """Run a command; return its output and error output, whatever its exit code (wrk -v has 1)."""
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={**os.environ, **(environ or {})},
    )
    try:
        output, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
    return output.decode(errors="replace")


async def version_of(*command: str) -> str:
    """Return the first version number in what a command says, or `unknown`."""
    found = _VERSION.search(await output_of(*command))
    return found[0] if found else "unknown"
