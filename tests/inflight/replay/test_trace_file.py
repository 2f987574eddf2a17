import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from inflight.replay.trace_file import read_traces
from servingkit.config import ConfigError

TRACE: dict[str, Any] = {
    "name": "short",
    "spec": {
        "aggregation": "linear",
        "stable_window_s": 60,
        "panic_window_percentage": 10,
        "panic_threshold": 2,
        "target_value": 7,
        "total_value": 10,
        "target_burst_capacity": -1,
        "max_scale_up_rate": 1000,
        "max_scale_down_rate": 2,
        "initial_ready": 0,
    },
    "load": [1, None, 2],
    "ticks": [
        {
            "t": 1,
            "ready": 0,
            "stable": 1,
            "panic": 1,
            "desired": 1,
            "excess_burst_capacity": -1,
            "valid": True,
        }
    ],
}


def refusal(path: Path) -> str:
    with pytest.raises(ConfigError) as caught:
        read_traces(path)
    return str(caught.value)


def changed(change: Callable[[dict[str, Any]], object]) -> bytes:
    trace = json.loads(json.dumps(TRACE))
    change(trace)
    return json.dumps([trace]).encode()


def test_trace_without_optional_settings_is_read(tmp_path: Path) -> None:
    path = tmp_path / "traces.json"
    path.write_text(json.dumps([TRACE]))
    (trace,) = read_traces(path)
    assert trace.load == (1.0, None, 2.0)
    assert trace.spec.reachable
    assert trace.ticks[0].desired == 1


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"\xff", "decision traces in JSON"),
        (b"[", "decision traces in JSON"),
        (b"{}", "Expected `array`, got `object`"),
        (b"[]", "at least one trace"),
        (changed(lambda trace: trace.pop("load")), "missing required field `load`"),
        (changed(lambda trace: trace["load"].append("x")), "got `str` - at `$[0].load[3]`"),
        (changed(lambda trace: trace["spec"].pop("target_value")), "field `target_value`"),
        (changed(lambda trace: trace["spec"].update(target_value=0)), "target_value must be from"),
        (changed(lambda trace: trace["spec"].update(stable_window_s=10**12)), "from 1 to 86400"),
        (changed(lambda trace: trace["spec"].update(max_scale_up_rate=1e308)), "max_scale_up_rate"),
        (changed(lambda trace: trace["spec"].update(panic_window_percentage=101)), "to 100"),
        (changed(lambda trace: trace["ticks"][0].update(ready=10**400)), "ready must be from 0"),
        (changed(lambda trace: trace["load"].append(1e303)), "load of 'short' must be from"),
        (changed(lambda trace: trace["load"].append(-1)), "load of 'short' must be from 0 to"),
        (changed(lambda trace: trace["ticks"].clear()), "'short' must have ticks"),
        (changed(lambda trace: trace["spec"].update(aggregation="sum")), "enum value 'sum'"),
        (changed(lambda trace: trace["ticks"].append(trace["ticks"][0])), "must be in order"),
        (changed(lambda trace: trace["ticks"][0].update(t=3)), "within the seconds of its load"),
    ],
)
def test_bad_file_is_refused_with_what_is_wrong(content: bytes, words: str, tmp_path: Path) -> None:
    path = tmp_path / "traces.json"
    path.write_bytes(content)
    message = refusal(path)
    assert message.startswith(f"FILE: '{path}'; expected ")
    assert words in message


def test_missing_file_is_refused(tmp_path: Path) -> None:
    assert "a file that can be read" in refusal(tmp_path / "none.json")
