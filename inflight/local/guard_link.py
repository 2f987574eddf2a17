"""The parent's end of the guard's pipe; see `inflight.local.guard`."""

import logging
import secrets
import subprocess
import sys
from contextlib import suppress

from inflight.local.guard import MARK

_CLOSE_S = 1.0

_log = logging.getLogger(__name__)


class GuardLink:
    """Starts the guard and tells it which process groups are there."""

    def __init__(self) -> None:
        self._mark = secrets.token_hex(8)
        self._process = subprocess.Popen(  # noqa: S603 -- our own module, no input in it
            [sys.executable, "-m", "inflight.local.guard", self._mark],
            stdin=subprocess.PIPE,
            # Ctrl-C goes to the terminal's foreground group: the guard must not be in it.
            start_new_session=True,
        )

    def __repr__(self) -> str:
        return f"<GuardLink to process {self._process.pid}>"

    @property
    def environment(self) -> dict[str, str]:
        """What every process of this run has in its environment, so that the guard finds it."""
        return {MARK: self._mark}

    def watch(self, group: int) -> None:
        """End this process group if the parent dies."""
        self._write(f"+{group}\n")

    def forget(self, group: int) -> None:
        """Stop caring for a process group that has ended."""
        self._write(f"-{group}\n")

    def close(self) -> None:
        """Let the guard end what is left, and wait for that a little."""
        assert self._process.stdin is not None  # noqa: S101 -- it was opened as a pipe
        self._process.stdin.close()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_CLOSE_S)

    def _write(self, line: str) -> None:
        stdin = self._process.stdin
        assert stdin is not None  # noqa: S101 -- it was opened as a pipe
        try:
            # Shorter than PIPE_BUF: written whole or not at all, also when killed meanwhile.
            stdin.write(line.encode())
            stdin.flush()
        except BrokenPipeError:
            _log.warning("guard is gone", extra={"process": self._process.pid})
