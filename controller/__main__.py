"""Entry point of the controller: settings from the environment, exit code 78 when they are bad."""

import os
import sys

import uvloop

from controller import app
from controller.config import Config
from servingkit import logs
from servingkit.config import EXIT_CONFIG, ConfigError, problems_in


def main() -> int:
    """Run the controller until it is told to stop; return the exit code."""
    exit_code = 0
    try:
        config = Config.from_env(os.environ)
        logs.configure("controller", config.log_level)
        uvloop.run(app.run(config))
    except* ConfigError as group:
        for problem in problems_in(group):
            print(problem, file=sys.stderr)
        exit_code = EXIT_CONFIG
    return exit_code


if __name__ == "__main__":
    sys.exit(main())
