"""Entry point of the activator: settings from the environment, exit code 78 when they are bad."""

import os
import sys

import uvloop

from activator import kubernetes
from activator.config import Config
from servingkit import logs, open_files
from servingkit.cluster.kubernetes.access import ApiAccess
from servingkit.config import exit_code_of, read_both


def main() -> int:
    """Run the activator until it is told to stop; return the exit code."""
    return exit_code_of(_run)


def _run() -> int:
    config, access = read_both(Config.from_env, ApiAccess.from_env, os.environ)
    logs.configure("activator", config.log_level)
    open_files.raise_limit()
    uvloop.run(kubernetes.run(config, access))
    return 0


if __name__ == "__main__":
    sys.exit(main())
