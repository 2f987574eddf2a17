"""Entry point of the autoscaler: settings from the environment, exit code 78 when they are bad.

Without an argument it runs; `give-back` undoes everything in the cluster, before an uninstallation.
"""

import argparse
import os
import sys
from collections.abc import Callable, Coroutine
from functools import partial

import uvloop

from autoscaler.config import Config
from autoscaler.kubernetes import give_back, program
from autoscaler.kubernetes.settings import KubernetesSettings
from servingkit import logs, open_files
from servingkit.config import exit_code_of, read_both


def main() -> int:
    """Run the autoscaler until it is told to stop; return the exit code."""
    parser = argparse.ArgumentParser(prog="inflight-autoscaler", description=__doc__)
    parser.add_argument("command", nargs="?", choices=["run", "give-back"], default="run")
    command = parser.parse_args().command
    return exit_code_of(partial(_run, program.run if command == "run" else give_back.run))


def _run(job: Callable[[Config, KubernetesSettings], Coroutine[None, None, None]]) -> int:
    config, settings = read_both(Config.from_env, KubernetesSettings.from_env, os.environ)
    logs.configure("autoscaler", config.log_level)
    open_files.raise_limit()
    uvloop.run(job(config, settings))
    return 0


if __name__ == "__main__":
    sys.exit(main())
