import gc

from autoscaler.garbage import collect_all_rarely


def test_only_full_collections_become_rare() -> None:
    before = gc.get_threshold()
    try:
        collect_all_rarely()
        assert gc.get_threshold()[:2] == before[:2]
        assert gc.get_threshold()[2] > 100
    finally:
        gc.set_threshold(*before)
