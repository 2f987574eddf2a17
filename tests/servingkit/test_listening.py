import errno
import os
import socket

import pytest

from servingkit.config import ConfigError
from servingkit.http1.engine import Engine
from servingkit.http1.exchange import Exchange
from servingkit.listening import ListenHost

ELSEWHERE = "203.0.113.7"
"""An address of no machine (RFC 5737)."""


def nobody(_: Exchange) -> None: ...


def refusal(host: str, error: OSError) -> str:
    with (
        pytest.raises(ConfigError) as caught,
        ListenHost("LISTEN_HOST", host).with_port("PORT", 80),
    ):
        raise error
    return str(caught.value)


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "host", [ELSEWHERE, "no.such.invalid", "http://0.0.0.0", "a..b", "fe80::1"]
)
async def test_a_host_that_is_not_here_is_named(host: str) -> None:
    async with Engine() as engine:
        with (
            pytest.raises(ConfigError) as caught,
            ListenHost("LISTEN_HOST", host).with_port("P", 0),
        ):
            await engine.listen(nobody, host, 0)
    (problem,) = caught.value.problems
    assert (problem.key, problem.value) == ("LISTEN_HOST", host)
    assert problem.expected.startswith("an address of this machine, or a name of one (")


@pytest.mark.asyncio
async def test_a_port_that_is_taken_is_named() -> None:
    async with Engine() as engine:
        taken = (await engine.listen(nobody, "127.0.0.1", 0)).port
        host = ListenHost("LISTEN_HOST", "127.0.0.1")
        with pytest.raises(ConfigError) as caught, host.with_port("PORT", taken):
            await engine.listen(nobody, host.value, taken)
    expected = "a port that is free (address already in use)"
    assert str(caught.value) == f"PORT: '{taken}'; expected {expected}"


def test_a_port_that_needs_more_rights_is_named() -> None:
    told = refusal("", OSError(errno.EACCES, os.strerror(errno.EACCES)))
    assert told == "PORT: '80'; expected a port that this user may listen on (permission denied)"


def test_a_host_without_its_protocol_is_named() -> None:
    told = refusal("::", OSError(errno.EAFNOSUPPORT, os.strerror(errno.EAFNOSUPPORT)))
    assert told.startswith("LISTEN_HOST: '::'; expected an address of this machine")


def test_the_reason_of_a_name_that_is_not_found_is_told() -> None:
    told = refusal("nobody", socket.gaierror(-2, "Name or service not known"))
    assert told.endswith("(Name or service not known)")


def test_what_is_not_of_the_settings_stays_an_os_error() -> None:
    with pytest.raises(OSError, match="too many"), ListenHost("H", "").with_port("P", 0):
        raise OSError(errno.EMFILE, "too many open files")
