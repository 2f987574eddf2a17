from tests.autoscaler.core.test_scaler import World, calm


def explained(world: World, now: float, load: float | None) -> str:
    world.at(now, load)
    return world.explained


def test_a_calm_decision_names_its_average_and_target() -> None:
    assert explained(calm(), 62, 20) == "3 pods: 20 in flight over 60 s at 7 a pod"


def test_panic_says_how_long_it_lasts_and_which_window_counts() -> None:
    world = calm()
    assert explained(world, 62, 60) == (
        "9 pods: 60 in flight over 60 s at 7 a pod; panic for 60 s more"
    )
    assert explained(world, 82, 20).endswith("panic for 40 s more")


def test_a_bound_is_named() -> None:
    sentence = explained(calm(max_scale="4"), 62, 35)
    assert sentence == "4 pods: 35 in flight over 60 s at 7 a pod; held by max-scale"


def test_what_answers_instead_of_an_activator_is_said() -> None:
    world = calm()
    world.path_unproven = "10.96.0.7:80 answered 400, not an activator"
    world.replicas = world.ready = 1
    explained(world, 122, 0)
    assert explained(world, 124, 0) == (
        "1 pod: 0 in flight over 60 s at 7 a pod;"
        " held by activator-probe (10.96.0.7:80 answered 400, not an activator)"
    )


def test_silent_sources_are_named() -> None:
    world = calm()
    world.silent = {"pod-1", "a"}
    assert explained(world, 62, 0).endswith("held by no-data (no report from pod-1, a)")
    world.silent = set()
    assert explained(world, 63, 0).endswith(
        "held by no-data (reports were missing within the window, for 59 s more)"
    )


def test_missing_load_is_said() -> None:
    world = calm()
    world.silent = {"a"}
    assert explained(world, 62, None).startswith("3 pods: nothing is known about the load")


def test_requests_a_second_have_their_own_unit() -> None:
    world = World({"metric": "rps", "initial-scale": "0"}, replicas=0, ready=0)
    assert explained(world, 0, 100) == ("1 pod: 100 requests a second over 60 s at 140 a pod")
