from autoscaler.core.path_proof import PROVEN_FOR_S, UNASKED


def test_nothing_is_shown_before_anybody_has_asked() -> None:
    assert UNASKED.missing(0.0) == "its public address has not been asked yet"
    assert UNASKED.ask_at <= 0.0


def test_an_answer_of_an_activator_counts_for_a_while() -> None:
    proof = UNASKED.after(None, 100.0)
    assert proof.missing(100.0) is None
    assert proof.missing(100.0 + PROVEN_FOR_S) is None
    assert proof.missing(100.1 + PROVEN_FOR_S) == UNASKED.problem
    assert proof.ask_at <= 100.0, "an old answer is no reason to wait"


def test_the_next_question_waits_longer_after_each_failure() -> None:
    proof, pauses = UNASKED, []
    for _ in range(7):
        proof = proof.after("a pod answered", 50.0)
        pauses.append(proof.ask_at - 50.0)
    assert pauses == [1, 2, 4, 8, 16, 30, 30]
    assert proof.failures == 7
    assert proof.missing(50.0) == "a pod answered"


def test_one_good_answer_ends_a_row_of_failures_and_one_bad_answer_ends_the_proof() -> None:
    proof = UNASKED.after("no answer", 0.0).after(None, 2.0)
    assert (proof.failures, proof.missing(2.0)) == (0, None)
    assert proof.after("no answer", 3.0).missing(3.0) == "no answer"
