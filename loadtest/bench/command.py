"""What the commands of all benchmarks do alike: leave page and picture, and end with a code."""

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

from loadtest.bench.core.bench_error import BenchError
from loadtest.child import ChildError
from loadtest.stop_signals import EXIT_STOPPED
from servingkit.config import errors_in

_EXIT_FAILED: Final = 1


def write_page(
    docs: Path, name: str, page: Callable[[str], str], draw: Callable[[Path], None]
) -> Path:
    """Write NAME.md and NAME.png into a folder; return where the page lies.

    Args:
        docs: the folder; made if it is not there.
        name: of both files.
        page: gives the page, from the name of the picture's file.
        draw: writes the picture to a path.
    """
    docs.mkdir(parents=True, exist_ok=True)
    picture = docs / f"{name}.png"
    draw(picture)
    path = docs / f"{name}.md"
    path.write_text(page(picture.name), encoding="utf-8")
    return path


def exit_code_of(benchmark: Callable[[], None]) -> int:
    """Run a benchmark; say why it failed, if it did. Return its exit code."""
    exit_code = _EXIT_FAILED
    try:
        benchmark()
        exit_code = 0
    except* (BenchError, ChildError) as failed:
        sys.stderr.writelines(f"{error}\n" for error in errors_in(failed))
    except* (KeyboardInterrupt, asyncio.CancelledError):
        sys.stderr.write("stopped\n")
        exit_code = EXIT_STOPPED
    return exit_code
