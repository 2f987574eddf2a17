import subprocess
import sys
import time

import pytest

from loadtest.bench.core.metric import MIB
from loadtest.bench.process import Usage, usage_of

pytestmark = pytest.mark.integration

PARENT_OF_A_BUSY_CHILD = """
import subprocess, sys
subprocess.run([sys.executable, "-c", "data = b'x' * (64 << 20)\\nwhile data: pass"])
"""


def test_child_counts_for_its_parent() -> None:
    with subprocess.Popen([sys.executable, "-c", PARENT_OF_A_BUSY_CHILD]) as parent:
        try:
            deadline = time.monotonic() + 60
            usage = usage_of(parent.pid)
            while usage.cpu_s < 0.3 or usage.rss_bytes < 64 * MIB:
                assert time.monotonic() < deadline, usage
                time.sleep(0.05)
                usage = usage_of(parent.pid)
        finally:
            children = subprocess.run(
                ["ps", "-o", "pid=", "--ppid", str(parent.pid)],
                capture_output=True,
                text=True,
                check=True,
            )
            parent.kill()
            subprocess.run(["kill", *children.stdout.split()], check=True)


def test_process_that_is_gone_uses_nothing() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    assert usage_of(process.pid) == Usage(cpu_s=0.0, rss_bytes=0)
