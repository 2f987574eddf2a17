import struct
from pathlib import Path

import pytest

from loadtest.bench.chart import COLORS, LABELS, draw
from loadtest.bench.core.names import IDLE
from loadtest.bench.core.results import Results
from loadtest.bench.lineup import CASES, PEERS


def test_picture_is_a_png_of_the_promised_size(results: Results, tmp_path: Path) -> None:
    path = tmp_path / "picture.png"
    draw(results, path)
    header = path.read_bytes()[:24]
    assert header[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">II", header[16:24]) == (1650, 825)


@pytest.mark.parametrize("name", [case.name for case in CASES if case.name != IDLE])
def test_case_has_a_label(name: str) -> None:
    assert name in LABELS


@pytest.mark.parametrize("name", [peer.name for peer in PEERS])
def test_proxy_has_a_colour(name: str) -> None:
    assert name in COLORS
