"""Which names an address had, for whom, and when."""

import time

import pytest

from tui.model.answer import EVERYWHERE, Answer
from tui.model.connection import Evidence
from tui.names import table as table_module
from tui.names.table import Known, NameTable

SECOND = 1_000_000
HOUR = 3600
AT = 1_000_000 * SECOND
HOST, OTHER, IP, IP2 = "licensing.tryretool.com", "p.tryretool.com", "203.0.113.10", "203.0.113.20"
API, JOBS = "net:[1]", "net:[2]"
DNS, HOSTS, FORWARD, REVERSE = Evidence.DNS, Evidence.HOSTS, Evidence.FORWARD, Evidence.REVERSE


def at(second: float) -> int:
    return AT + round(second * SECOND)


def answer(
    from_s: float, until_s: float, host: str = HOST, ip: str = IP, namespace: str = EVERYWHERE,
    evidence: Evidence = FORWARD,
) -> Answer:  # fmt: skip
    return Answer(host, ip, at(from_s), at(until_s), namespace, evidence)


def dns(from_s: float, until_s: float, host: str = HOST, ip: str = IP, namespace: str = API) -> Answer:
    return answer(from_s, until_s, host, ip, namespace, DNS)


def table_of(*answers: Answer) -> NameTable:
    table = NameTable()
    for each in answers:
        table.learn(each)
    return table


def hosts(table: NameTable, second: float, namespace: str = API, ip: str = IP) -> list[str]:
    return [known.host for known in table.known(namespace, ip, at(second))]


def test_our_own_look_up_holds_from_five_seconds_before_until_a_minute_after_its_ttl_and_everywhere() -> None:
    table = table_of(answer(0, 30))
    for second, named in ((-5.1, []), (-5, [HOST]), (0, [HOST]), (30, [HOST]), (90, [HOST]), (90.1, [])):
        assert hosts(table, second) == hosts(table, second, EVERYWHERE) == named


def test_what_a_namespace_was_answered_is_its_own_and_begins_with_the_packet() -> None:
    table = table_of(dns(0, 30))
    assert (hosts(table, -0.002), hosts(table, -0.001), hosts(table, 0)) == ([], [HOST], [HOST])
    assert hosts(table, 1, JOBS) == hosts(table, 1, EVERYWHERE) == []


def test_an_address_may_be_kept_for_an_hour_after_its_ttl() -> None:
    table = table_of(dns(0, 30))
    assert hosts(table, 30 + HOUR) == [HOST]
    assert hosts(table, 30.1 + HOUR) == []


def test_a_name_that_may_be_kept_still_hides_one_whose_ttl_is_long_over() -> None:
    table = table_of(dns(0, 30), dns(1000, 1030, OTHER))
    assert hosts(table, 500) == [HOST]
    assert hosts(table, 1000) == hosts(table, 1090) == [OTHER]
    assert hosts(table, 1091) == [HOST, OTHER]


def test_two_names_that_both_may_be_kept_are_both_told() -> None:
    table = table_of(dns(0, 30, OTHER), dns(20, 50))
    assert hosts(table, 60) == [HOST, OTHER]


def test_a_hosts_file_holds_while_it_is_read_and_not_a_moment_longer() -> None:
    table = table_of(answer(0, 30, "db.internal", namespace=API, evidence=HOSTS))
    assert (hosts(table, -0.01), hosts(table, 0), hosts(table, 30), hosts(table, 30.01)) == (
        [], ["db.internal"], ["db.internal"], [],
    )  # fmt: skip
    assert hosts(table, 1, JOBS) == []


def test_the_strongest_evidence_comes_first() -> None:
    table = table_of(
        answer(0, 30, "a.example"), answer(0, 30, "b.example", namespace=API, evidence=HOSTS),
        dns(0, 30, "d.example"), dns(0, 30, "c.example"),
    )  # fmt: skip
    assert table.known(API, IP, at(1)) == (
        Known("c.example", DNS), Known("d.example", DNS), Known("b.example", HOSTS), Known("a.example", FORWARD)
    )  # fmt: skip


def test_where_an_address_points_to_is_never_a_name_that_is_known() -> None:
    table = table_of(answer(0, 30, "ec2-203-0-113-10.example", evidence=REVERSE))
    assert hosts(table, 1) == []
    assert not table.confirms(API, "ec2-203-0-113-10.example", IP, at(1))


def test_an_answer_that_comes_again_makes_the_first_one_longer() -> None:
    table = table_of(dns(0, 60))
    assert table.learn(dns(60, 120)) == dns(0, 120)
    assert table.learn(dns(70, 80)) == dns(0, 120)
    assert table.learn(answer(70, 130)) == answer(70, 130)


def test_an_address_that_a_name_gets_back_much_later_was_not_its_own_in_between() -> None:
    table = table_of(answer(0, 60), answer(1000, 1060))
    assert (hosts(table, 30), hosts(table, 500), hosts(table, 1030)) == ([HOST], [], [HOST])


def test_an_answer_that_is_learned_late_holds_in_its_own_time() -> None:
    table = table_of(answer(1000, 1060))
    assert table.learn(answer(0, 60)) == answer(0, 60)
    assert (hosts(table, 30), hosts(table, 500), hosts(table, 1030)) == ([HOST], [], [HOST])


@pytest.mark.parametrize(
    ("learned", "first_s", "last_s"),
    [
        (dns(0, 30), -0.001, 30 + HOUR),
        (answer(0, 30, namespace=API, evidence=HOSTS), 0, 30),
        (answer(0, 30), -5, 30 + HOUR),
    ],
)
def test_a_name_is_confirmed_while_a_client_may_hold_it(learned: Answer, first_s: float, last_s: float) -> None:
    table = table_of(learned)
    assert [table.confirms(API, HOST, IP, at(s)) for s in (first_s - 0.01, first_s, last_s, last_s + 0.01)] == [
        False, True, True, False,
    ]  # fmt: skip
    assert not table.confirms(API, HOST, IP2, at(1))
    assert not table.confirms(API, OTHER, IP, at(1))
    assert table.confirms(JOBS, HOST, IP, at(1)) is (learned.evidence is FORWARD)


def test_a_name_that_others_hide_is_confirmed_all_the_same() -> None:
    table = table_of(dns(0, 30), dns(1000, 1030, OTHER))
    assert hosts(table, 1000) == [OTHER]
    assert table.confirms(API, HOST, IP, at(1000))


def test_the_addresses_of_a_name_are_those_of_our_own_look_ups_that_hold() -> None:
    table = table_of(answer(0, 60), answer(0, 60, ip=IP2), answer(100, 160), dns(0, 60, ip="203.0.113.99"))
    assert table.addresses_of(HOST, at(30)) == {IP, IP2}
    assert table.addresses_of(HOST, at(-6)) == table.addresses_of(HOST, at(161)) == frozenset()
    assert table.addresses_of(HOST, at(-5)) == {IP, IP2}
    assert table.addresses_of(OTHER, at(30)) == frozenset()


def test_a_set_that_comes_again_does_not_rotate_and_one_that_changes_does() -> None:
    table = NameTable()
    for start in (0, 60, 1000):
        table.learn(answer(start, start + 60))
        table.learn(answer(start, start + 60, ip=IP2))
    assert not table.rotates(HOST)
    table.learn(answer(1060, 1120, ip=IP2))
    assert table.rotates(HOST)


def test_a_new_address_beside_the_old_ones_is_a_rotation_too() -> None:
    assert table_of(answer(0, 60), answer(60, 120), answer(60, 120, ip=IP2)).rotates(HOST)
    assert not table_of(answer(0, 60)).rotates(HOST)
    assert not NameTable().rotates(HOST)


def test_only_a_namespace_that_got_an_answer_has_asked() -> None:
    table = table_of(dns(0, 30), answer(0, 30, OTHER), answer(0, 30, OTHER, namespace=API, evidence=HOSTS))
    assert table.told_us(API, HOST)
    assert not table.told_us(JOBS, HOST)
    assert not table.told_us(API, OTHER)


def test_what_a_namespace_was_answered_goes_with_it() -> None:
    table = table_of(dns(0, 30), dns(0, 30, namespace=JOBS), answer(0, 30, OTHER))
    table.forget_namespace(API)
    table.forget_namespace("net:[9]")
    assert hosts(table, 1) == [OTHER]
    assert hosts(table, 1, JOBS) == [HOST, OTHER]
    assert not table.told_us(API, HOST)


def test_answers_a_day_old_leave_the_table() -> None:
    table = table_of(answer(0, 60), dns(0, 60))
    table.forget_before(at(60 + 24 * HOUR))
    assert hosts(table, 30) == [HOST, HOST]
    table.forget_before(at(60 + 24 * HOUR) + 1)
    assert hosts(table, 30) == []
    assert not table.told_us(API, HOST)
    assert table.addresses_of(HOST, at(30)) == frozenset()


def test_a_namespace_that_is_answered_many_addresses_forgets_those_that_came_first() -> None:
    table = table_of(answer(0, 60), dns(0, 60))
    for number in range(table_module.ADDRESSES_MAX):
        table.learn(dns(0, 60, OTHER, f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}"))
    assert hosts(table, 1) == [HOST]
    assert hosts(table, 1, ip="10.0.0.0") == [OTHER]


def test_an_address_with_many_names_forgets_those_that_came_first() -> None:
    table = table_of(dns(0, 60))
    for number in range(table_module.NAMES_PER_ADDRESS_MAX):
        table.learn(dns(0, 60, f"{number}.example.com"))
    found = hosts(table, 1)
    assert len(found) == 256
    assert HOST not in found


def test_many_names_on_several_addresses_are_bounded_for_each_namespace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table_module, "NAMES_MAX", 100)
    table = table_of(dns(0, 60, namespace=JOBS))
    for number in range(500):
        table.learn(dns(number * 100, number * 100 + 1, f"{number % 50}.example.com", f"203.0.113.{number % 7}"))
    told = {each for last in range(7) for each in hosts(table, 49_900, ip=f"203.0.113.{last}")}
    assert "49.example.com" in told
    assert hosts(table, 1, JOBS) == [HOST]
    assert _kept(table) == 101


def test_all_namespaces_together_are_bounded_and_the_one_that_was_answered_longest_ago_makes_room(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(table_module, "ALL_MAX", 100)
    table = table_of(dns(0, 60, namespace=JOBS))
    for number in range(150):
        table.learn(dns(0, 60, ip=f"203.0.113.{number}", namespace=f"net:[{number}]"))
    assert hosts(table, 1, JOBS) == hosts(table, 1, "net:[49]", "203.0.113.49") == []
    assert hosts(table, 1, "net:[50]", "203.0.113.50") == [HOST]
    assert _kept(table) == 100


def test_an_address_that_comes_and_goes_is_told_apart_so_many_times_only() -> None:
    table = NameTable()
    for number in range(100):
        table.learn(dns(number * 10_000, number * 10_000 + 10))
    assert _kept(table) == table_module.TIMES_MAX
    assert hosts(table, 990_000) == [HOST]
    assert hosts(table, 0) == []


def _kept(table: NameTable) -> int:
    return sum(
        len(spans) for space in table._spaces.values() for held in space.by_ip.values() for spans in held.values()
    )


def test_counts_of_what_is_kept_stay_right_while_it_comes_and_goes() -> None:
    table = NameTable()
    for number in range(300):
        table.learn(dns(number * 7, number * 7 + 5, f"{number % 9}.example", f"203.0.113.{number % 11}"))
        table.learn(answer(number * 90, number * 90 + 5, ip=f"203.0.113.{number % 5}"))
    assert table._size == _kept(table) > 0
    table.forget_before(at(24 * HOUR + 20_000))
    assert table._size == _kept(table) > 0
    table.forget_namespace(API)
    table.forget_before(at(10**6))
    assert table._size == _kept(table) == 0


def test_asking_costs_little_beside_a_full_table() -> None:
    table = NameTable()
    for number in range(4_000):
        table.learn(dns(0, 60, ip=f"10.0.{number >> 8}.{number & 255}"))
    began = time.process_time()
    for _ in range(20_000):
        table.known(API, "10.0.5.5", AT)
    assert (time.process_time() - began) / 20_000 < 30e-6, "3 µs is the aim; a scan of the table would take 500"
