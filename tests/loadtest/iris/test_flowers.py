from collections import Counter

import numpy as np
from sklearn.datasets import load_iris

from loadtest.iris.flowers import SPECIES, read_flowers


def test_there_are_fifty_flowers_of_each_species() -> None:
    assert Counter(flower.species for flower in read_flowers()) == dict.fromkeys(range(3), 50)


def test_flowers_are_those_of_scikit_learn_in_its_order() -> None:
    iris = load_iris()
    assert tuple(iris.target_names) == SPECIES
    assert np.array_equal([flower.measures_cm for flower in read_flowers()], iris.data)
    assert [flower.species for flower in read_flowers()] == iris.target.tolist()
