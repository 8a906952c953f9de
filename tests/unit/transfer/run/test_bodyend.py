"""What is known of the end of a body without a length."""

from __future__ import annotations

from dashget.transfer.run.bodyend import BodyEnd


def test_at_first_no_question_is_asked() -> None:
    end = BodyEnd()
    assert (end.asking, end.known, end.told) == (False, False, None)
    assert not end.contradicts(10)


def test_the_end_is_asked_for_once_and_the_answer_ends_the_question() -> None:
    end = BodyEnd()
    end.ask()
    assert (end.asking, end.known) == (True, True)
    end.answered(10)
    assert (end.asking, end.known, end.told) == (False, True, 10)


def test_an_answer_that_does_not_say_contradicts_nothing() -> None:
    end = BodyEnd()
    end.ask()
    end.answered(None)
    assert not end.contradicts(10)
    assert end.known


def test_a_body_of_another_size_is_contradicted_once() -> None:
    """The next one may be another version: it is believed, or asked about anew."""
    end = BodyEnd()
    end.ask()
    end.answered(10)
    assert not end.contradicts(10)
    assert end.contradicts(8)
    assert not end.contradicts(8)
    assert (end.known, end.told) == (False, None)


def test_the_answer_outlasts_a_start_from_zero() -> None:
    end = BodyEnd()
    end.ask()
    end.answered(10)
    end.ask()
    end.dropped()
    assert not end.asking
    assert end.contradicts(8)
