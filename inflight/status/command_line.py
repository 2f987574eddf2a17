"""Options of `inflight status`."""

import argparse
from collections.abc import Mapping
from urllib.parse import urlsplit

from inflight.status.settings import StatusSettings
from servingkit.config import ConfigError, Problem
from servingkit.core.revision import RevisionId

HELP = "show what the autoscaler sees and decides"

DESCRIPTION = """\
Shows what the autoscaler sees and decides: all revisions, or one with its load over the stable
window and its last decisions."""

EPILOG = """\
examples:
  inflight status
  inflight status default/iris
  inflight status default/iris --watch
  inflight status --watch --json | jq 'select(.event == "event")'
  kubectl -n inflight-system port-forward service/inflight-autoscaler 8081 & inflight status

exit codes: 0 shown; 1 no autoscaler answers; 3 no such revision; 78 bad option; 130 Ctrl-C
"""

API_VARIABLE = "INFLIGHT_API"
_DEFAULT_API = "http://127.0.0.1:8081"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument(
        "revision",
        nargs="?",
        metavar="NAMESPACE/NAME",
        help="one revision; a name alone means the namespace default",
    )
    parser.add_argument(
        "--api",
        metavar="URL",
        help=f"the autoscaler's API (${API_VARIABLE}, or {_DEFAULT_API})",
    )
    parser.add_argument("--watch", action="store_true", help="follow what happens, until Ctrl-C")
    parser.add_argument(
        "--json", action="store_true", help="as the API says it; with --watch one object a line"
    )


def read_settings(arguments: argparse.Namespace, environment: Mapping[str, str]) -> StatusSettings:
    """Return what was asked for. Raises ConfigError."""
    problems: list[Problem] = []
    key = "--api" if arguments.api is not None else API_VARIABLE
    api = arguments.api if arguments.api is not None else environment.get(key, _DEFAULT_API)
    if not _is_address(api):
        problems.append(Problem(key, api, "an address such as http://127.0.0.1:8081"))
    revision = None
    if arguments.revision is not None:
        namespace, _, name = arguments.revision.rpartition("/")
        revision = RevisionId(namespace or "default", name)
        if not name or "/" in namespace or arguments.revision.startswith("/"):
            problems.append(Problem("NAMESPACE/NAME", arguments.revision, "such as default/iris"))
    if problems:
        raise ConfigError(problems)
    return StatusSettings(
        api=api.rstrip("/"), revision=revision, watch=arguments.watch, json=arguments.json
    )


def _is_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is no number
        return False
