"""Host names as requests write them, and those that the cluster gives by itself."""

from collections.abc import Iterable


def cluster_names(namespace: str, name: str, cluster_domain: str) -> Iterable[str]:
    """Return the names by which a cluster's DNS finds something."""
    short = f"{name}.{namespace}"
    return short, f"{short}.svc", f"{short}.svc.{cluster_domain}"


def plain_host(host: bytes) -> bytes:
    """Return the name of a Host field for a look-up: lower-case, no port, no dot at its end."""
    name, separator, port = host.lower().rpartition(b":")
    if not separator or not (port.isdigit() or not port):
        name = host.lower()
    return name.removesuffix(b".")
