"""Settings of the autoscaler program."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from autoscaler.core.defaults import Defaults, parse_defaults
from autoscaler.defaults_source import DefaultsSource
from servingkit.config import ConfigError, EnvReader, Problem, read_log_level

DEFAULTS_PREFIX = "AUTOSCALER_"
"""config-autoscaler's `stable-window` is read from `AUTOSCALER_STABLE_WINDOW`, over the file."""

_ALL_INTERFACES = "0.0.0.0"  # noqa: S104 -- a pod is reached at its own address
_CONFIG_PATH = "CONFIG_PATH"
_MOST_PORT = 65535


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Where to listen, and what revisions get that do not say otherwise."""

    listen_host: str
    log_level: str = "info"
    stat_port: int = 8080
    """Websocket for the activators' stats. 0: a free port, as for the other two."""

    api_port: int = 8081
    metrics_port: int = 9090
    defaults: Defaults = field(default_factory=Defaults)
    defaults_source: DefaultsSource | None = None
    """Where they are written, and followed while the program runs. None: they stay."""

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> "Config":
        """Read the environment; raises ConfigError that names every bad key."""
        env = EnvReader(environ)
        problems: list[Problem] = []
        source = _source(env.text(_CONFIG_PATH, ""), environ)
        config = cls(
            listen_host=env.text("LISTEN_HOST", _ALL_INTERFACES),
            log_level=read_log_level(env),
            stat_port=env.integer("STAT_PORT", 8080, most=_MOST_PORT),
            api_port=env.integer("API_PORT", 8081, most=_MOST_PORT),
            metrics_port=env.integer("METRICS_PORT", 9090, most=_MOST_PORT),
            defaults=_defaults(environ, source, problems),
            defaults_source=source,
        )
        try:
            env.check()
        except ConfigError as error:
            problems += error.problems
        if problems:
            raise ConfigError(problems)
        return config


def _source(path: str, environ: Mapping[str, str]) -> DefaultsSource | None:
    if not path:
        return None
    named = _named(environ)
    labels = {key: _variable(key) for key in named}
    return DefaultsSource(key=_CONFIG_PATH, path=Path(path), above=named, labels=labels)


def _defaults(
    environ: Mapping[str, str], source: DefaultsSource | None, problems: list[Problem]
) -> Defaults:
    try:
        return parse_defaults(_named(environ)) if source is None else source.read()
    except ConfigError as error:
        problems += (
            Problem(
                _variable(problem.key) if source is None else problem.key,
                problem.value,
                problem.expected,
            )
            for problem in error.problems
        )
        return Defaults()


def _named(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the keys of config-autoscaler that stand in the environment."""
    return {
        key.removeprefix(DEFAULTS_PREFIX).lower().replace("_", "-"): value
        for key, value in environ.items()
        if key.startswith(DEFAULTS_PREFIX)
    }


def _variable(key: str) -> str:
    return DEFAULTS_PREFIX + key.upper().replace("-", "_")
