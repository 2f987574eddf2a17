"""How a measured program talks to the benchmark: a JSON line for each line that it is sent."""

import asyncio
import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

_PAGE_BYTES: Final = os.sysconf("SC_PAGE_SIZE")

Counts = Mapping[str, object]


async def answer_questions(counts: Callable[[], Counts], **ready: object) -> None:
    """Say that we are ready, then what `counts` returns each time we are asked, until the end."""
    _say(ready)
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while await reader.readline():
        _say({"cpu_s": time.process_time(), "rss_bytes": rss_bytes(), **counts()})


def rss_bytes() -> int:
    """Return our resident memory."""
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * _PAGE_BYTES


def _say(line: Counts) -> None:
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()
