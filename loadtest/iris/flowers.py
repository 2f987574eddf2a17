"""The 150 flowers of Fisher's iris data: what the model learns from and what users ask it.

Kept as a file of our own so that a load generator needs no scikit-learn. The order, and the
numbers of the species, are those of scikit-learn's `load_iris`.
"""

import csv
from importlib.resources import files
from typing import NamedTuple

SPECIES = ("setosa", "versicolor", "virginica")
"""A species' class, as the model answers it, is its place here."""


class Flower(NamedTuple):
    """One flower: sepal length and width, petal length and width in cm; and its class."""

    measures_cm: tuple[float, ...]
    species: int


def read_flowers() -> tuple[Flower, ...]:
    """Return all flowers, 50 of each species."""
    text = (files(__package__) / "iris.csv").read_text(encoding="utf-8")
    rows = csv.reader(text.splitlines()[1:])
    return tuple(
        Flower(tuple(map(float, measures)), SPECIES.index(name)) for *measures, name in rows
    )
