"""The options of `inflight inject`, and what it does with them."""

import argparse
import sys
from importlib.metadata import version
from pathlib import Path

from controller.core.injection import SidecarSettings
from inflight.inject.manifests import inject_stream
from servingkit.config import ConfigError, Problem

HELP = "put the sidecar into Kubernetes manifests"

DESCRIPTION = """\
Writes manifests to standard output with the sidecar in each pod that is labelled
inflight.dev/enabled=true. Everything else passes through as it is, and a pod that has the sidecar
is left alone. The webhook does the same on a cluster; docs/injection.md tells what is changed."""

EPILOG = """\
  inflight inject -f iris.yaml | kubectl apply -f -
  helm template iris ./chart | inflight inject -f - | kubectl apply -f -"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        *("-f", "--filename"),
        dest="sources",
        metavar="FILE",
        action="append",
        required=True,
        help="manifests to read, YAML or JSON; - is standard input; may be given several times",
    )
    parser.add_argument(
        "--image",
        default=f"inflight/queueproxy:{version('inflight')}",
        help="image of the sidecar (%(default)s)",
    )
    parser.add_argument(
        "--image-pull-policy",
        choices=("Always", "IfNotPresent", "Never"),
        default="IfNotPresent",
        help="when the kubelet fetches it (%(default)s)",
    )
    parser.add_argument(
        "--native-sidecar",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="as an init container that stays, which Kubernetes can since 1.29 (%(default)s)",
    )


def run(arguments: argparse.Namespace) -> int:
    """Read, inject, print. Raises ConfigError that names everything that is wrong."""
    settings = SidecarSettings(
        image=arguments.image,
        image_pull_policy=arguments.image_pull_policy,
        native=arguments.native_sidecar,
    )
    problems: list[Problem] = []
    if not settings.image.strip():
        problems.append(Problem("--image", settings.image, "an image of the sidecar"))
    streams = []
    for source in arguments.sources:
        try:
            streams.append(inject_stream(_read(source), source, settings))
        except ConfigError as error:
            problems += error.problems
    if problems:
        raise ConfigError(problems)
    # Nothing is printed unless all is right: half a stream must not reach kubectl.
    sys.stdout.write("---\n".join(stream.rstrip("\n") + "\n" for stream in streams))
    return 0


def _read(source: str) -> str:
    try:
        return sys.stdin.read() if source == "-" else Path(source).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError([Problem("--filename", source, f"a readable file ({error})")]) from error
