"""The limit on open files: a request takes two, and many systems start programs with 1,024."""

import resource
from contextlib import suppress


def raise_limit() -> None:
    """Raise this process's limit as far as it may, as Go's programs do; its children inherit it."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(OSError, ValueError):  # a limit beyond the system's own stays as it is
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
