"""Which names an address had, and when."""

from tui.model.answer import Answer
from tui.names.table import EARLIER_US, KEPT_US, LATER_US, NameTable

SECOND = 1_000_000
AT = 1_000 * SECOND
HOST, OTHER, IP = "licensing.tryretool.com", "p.tryretool.com", "203.0.113.10"


def answer(from_s: float, until_s: float, host: str = HOST, ip: str = IP) -> Answer:
    return Answer(host, ip, AT + round(from_s * SECOND), AT + round(until_s * SECOND))


def test_an_address_has_a_name_while_the_answer_holds_and_for_the_slack_on_both_sides() -> None:
    table = NameTable()
    table.learn(answer(0, 60))
    end = AT + 60 * SECOND
    assert table.hosts(IP, AT) == table.hosts(IP, end) == (HOST,)
    assert table.hosts(IP, AT - EARLIER_US) == table.hosts(IP, end + LATER_US) == (HOST,)
    assert table.hosts(IP, AT - EARLIER_US - 1) == table.hosts(IP, end + LATER_US + 1) == ()


def test_an_answer_that_comes_again_makes_the_first_one_longer() -> None:
    table = NameTable()
    table.learn(answer(0, 60))
    assert table.learn(answer(60, 120)) == answer(0, 120)


def test_an_address_that_a_name_gets_back_much_later_was_not_its_own_in_between() -> None:
    table = NameTable()
    table.learn(answer(0, 60))
    table.learn(answer(1000, 1060))
    assert table.hosts(IP, AT + 500 * SECOND) == ()
    assert table.hosts(IP, AT + 30 * SECOND) == table.hosts(IP, AT + 1030 * SECOND) == (HOST,)


def test_an_address_of_two_names_has_both_in_alphabetical_order() -> None:
    table = NameTable()
    table.learn(answer(0, 60, OTHER))
    table.learn(answer(0, 60, HOST))
    assert table.hosts(IP, AT) == (HOST, OTHER)


def test_an_address_that_left_the_answer_loses_its_name_when_the_old_answer_ends() -> None:
    table = NameTable()
    table.learn(answer(0, 60))
    table.learn(answer(60, 120, ip="203.0.113.20"))
    assert table.hosts(IP, AT + 60 * SECOND + LATER_US + 1) == ()


def test_answers_a_day_old_leave_the_table() -> None:
    table = NameTable()
    table.learn(answer(0, 60))
    table.forget_before(AT + 60 * SECOND + KEPT_US)
    assert table.hosts(IP, AT) == (HOST,)
    table.forget_before(AT + 60 * SECOND + KEPT_US + 1)
    assert table.hosts(IP, AT) == ()
