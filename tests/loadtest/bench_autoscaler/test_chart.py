from pathlib import Path

from loadtest.bench_autoscaler.chart import draw
from tests.loadtest.bench_autoscaler.measured import results


def test_the_picture_has_its_size(tmp_path: Path) -> None:
    draw(results(), tmp_path / "x.png")
    head = (tmp_path / "x.png").read_bytes()[:24]
    assert head.startswith(b"\x89PNG")
    size = int.from_bytes(head[16:20], "big"), int.from_bytes(head[20:24], "big")
    assert size == (1650, 675)
