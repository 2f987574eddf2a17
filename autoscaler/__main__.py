"""Entry point of the autoscaler: settings from the environment, exit code 78 when they are bad.

Without an argument it runs; `give-back` undoes everything in the cluster, before an uninstallation.
"""

import argparse
import os
import sys

import uvloop

from autoscaler.config import Config
from autoscaler.kubernetes import give_back, program
from autoscaler.kubernetes.settings import KubernetesSettings
from servingkit import logs
from servingkit.config import EXIT_CONFIG, ConfigError, problems_in, read_both


def main() -> int:
    """Run the autoscaler until it is told to stop; return the exit code."""
    parser = argparse.ArgumentParser(prog="inflight-autoscaler", description=__doc__)
    parser.add_argument("command", nargs="?", choices=["run", "give-back"], default="run")
    command = parser.parse_args().command
    exit_code = 0
    try:
        config, settings = read_both(Config.from_env, KubernetesSettings.from_env, os.environ)
        logs.configure("autoscaler", config.log_level)
        job = program.run if command == "run" else give_back.run
        uvloop.run(job(config, settings))
    except* ConfigError as group:
        for problem in problems_in(group):
            print(problem, file=sys.stderr)
        exit_code = EXIT_CONFIG
    return exit_code


if __name__ == "__main__":
    sys.exit(main())
