import struct
from pathlib import Path

import numpy as np
from matplotlib.image import imread

from loadtest.core.timeline import Second
from loadtest.plot import draw
from servingkit.picture import INK, ORANGE, RED


def has_pixel(pixels: np.ndarray, color: str) -> bool:
    red_green_blue = np.array([int(color[place : place + 2], 16) for place in (1, 3, 5)])
    near = np.abs(pixels[..., :3] * 255 - red_green_blue) < 2
    return bool(near.all(axis=-1).any())


def test_picture_is_a_png_of_the_promised_size(seconds: tuple[Second, ...], tmp_path: Path) -> None:
    path = tmp_path / "picture.png"
    draw(seconds, "a run", path)
    header = path.read_bytes()[:24]
    assert header[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">II", header[16:24]) == (1500, 1275)


def test_picture_shows_target_desired_pods_and_failures(
    seconds: tuple[Second, ...], tmp_path: Path
) -> None:
    path = tmp_path / "picture.png"
    draw(seconds, "a run", path)
    pixels = imread(path)
    assert [has_pixel(pixels, color) for color in (INK, ORANGE, RED)] == [True, True, True]


def test_run_of_one_second_has_a_picture_too(seconds: tuple[Second, ...], tmp_path: Path) -> None:
    path = tmp_path / "picture.png"
    draw(seconds[:1], "short", path)
    assert imread(path).shape[:2] == (1275, 1500)
