"""A port or an address that cannot be listened on, told as the setting that names it.

Whether it can be had shows only when a program listens, long after its settings were read.
"""

import errno
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from servingkit.config import ConfigError, Problem

_BAD_PORT = {
    errno.EADDRINUSE: "a port that is free",
    errno.EACCES: "a port that this user may listen on",
}
_BAD_HOST = frozenset({errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT, errno.EINVAL})


@dataclass(frozen=True, slots=True)
class ListenHost:
    """Where a program listens, and the name of the setting that says so."""

    key: str
    value: str

    @contextmanager
    def with_port(self, key: str, port: int) -> Iterator[None]:
        """Have what is wrong with the host or with `port`, set as `key`, be a ConfigError.

        What is wrong with neither, too many open files for instance, stays an OSError.
        """
        try:
            yield
        except (socket.gaierror, UnicodeError) as error:  # the latter: no name can be so
            raise self._refused(str(error.args[-1])) from error
        except OSError as error:
            reason = os.strerror(error.errno or 0).lower()
            if error.errno in _BAD_HOST:
                raise self._refused(reason) from error
            if error.errno in _BAD_PORT:
                expected = f"{_BAD_PORT[error.errno]} ({reason})"
                raise ConfigError([Problem(key, str(port), expected)]) from error
            raise

    def _refused(self, reason: str) -> ConfigError:
        expected = f"an address of this machine, or a name of one ({reason})"
        return ConfigError([Problem(self.key, self.value, expected)])
