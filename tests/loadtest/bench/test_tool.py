import sys
from pathlib import Path

import pytest

from loadtest.bench.tool import MissingError, find, output_of, version_of


def test_program_beside_our_python_is_found() -> None:
    assert find("python", "install it").startswith(str(Path(sys.executable).parent))


def test_missing_program_is_named_with_its_remedy() -> None:
    with pytest.raises(MissingError, match="no-such-program is not installed: make one"):
        find("no-such-program", "make one")


@pytest.mark.integration
@pytest.mark.asyncio
async def test_output_has_both_streams_whatever_the_exit_code() -> None:
    code = "import sys; print('out', flush=True); sys.exit('err')"
    assert await output_of(sys.executable, "-c", code) == "out\nerr\n"


@pytest.mark.integration
@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("said", "version"),
    [
        ("wrk debian/4.1.0-3+b2 [epoll] Copyright (C) 2012 Will Glozer", "4.1.0-3+b2"),
        ("nginx version: nginx/1.22.1", "1.22.1"),
        ("HAProxy version 2.6.12-1+deb12u4 2026/10/17 - https://haproxy.org/", "2.6.12-1+deb12u4"),
        ("go version go1.27.3 linux/amd64", "1.27.3"),
        ("usage:", "unknown"),
    ],
)
async def test_version_is_the_first_number_with_a_dot(said: str, version: str) -> None:
    assert await version_of("echo", said) == version
