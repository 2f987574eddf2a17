"""Entry point of the sidecar: settings from the environment, exit code 78 when they are bad."""

import os
import sys

import uvloop

from queueproxy import app
from queueproxy.config import Config
from servingkit import logs, open_files
from servingkit.config import exit_code_of


def main() -> int:
    """Run the sidecar until it is told to stop; return the exit code."""
    return exit_code_of(_run)


def _run() -> int:
    config = Config.from_env(os.environ)
    logs.configure("queueproxy", config.log_level)
    open_files.raise_limit()
    uvloop.run(app.run(config))
    return 0


if __name__ == "__main__":
    sys.exit(main())
