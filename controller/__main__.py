"""Entry point of the controller: settings from the environment, exit code 78 when they are bad."""

import os
import sys

import uvloop

from controller import app
from controller.config import Config
from servingkit import logs
from servingkit.config import exit_code_of


def main() -> int:
    """Run the controller until it is told to stop; return the exit code."""
    return exit_code_of(_run)


def _run() -> int:
    config = Config.from_env(os.environ)
    logs.configure("controller", config.log_level)
    uvloop.run(app.run(config))
    return 0


if __name__ == "__main__":
    sys.exit(main())
