"""What goes into the table of names, and when: hosts files as they change, and nothing for ever."""

import pytest

from tui.collector.naming import HOSTS_US, Naming
from tui.model.connection import Evidence
from tui.model.observation import HostsFile
from tui.model.times import DAY_US, MINUTE_US
from tui.names.forward import Found
from tui.names.table import Known, NameTable

NAMESPACE, HOST, IP = "net:[7]", "database.corp.example", "203.0.113.60"
BEGUN_US = 1_000 * DAY_US
FILE = HostsFile(BEGUN_US - DAY_US, ((HOST, IP),))


@pytest.fixture
def table() -> NameTable:
    return NameTable()


@pytest.fixture
def naming(table: NameTable) -> Naming:
    return Naming(table)


def test_a_hosts_file_is_recorded_when_it_changes_and_when_its_time_is_half_over(naming: Naming) -> None:
    changed = HostsFile(BEGUN_US, (*FILE.lines, ("other.corp.example", IP)))
    looks = [(BEGUN_US, FILE), (BEGUN_US + MINUTE_US, FILE), (BEGUN_US + 2 * MINUTE_US, changed)]
    looks += [(at_us, changed) for at_us in (BEGUN_US + 3 * MINUTE_US, BEGUN_US + HOSTS_US // 2 + 3 * MINUTE_US)]
    assert [len(naming.hosts(NAMESPACE, file, at_us)) for at_us, file in looks] == [1, 0, 2, 0, 2]


def test_a_line_of_a_hosts_file_names_its_address_for_as_long_as_it_stands_there(
    naming: Naming, table: NameTable
) -> None:
    for minute in range(60):
        naming.hosts(NAMESPACE, FILE, BEGUN_US + minute * MINUTE_US)
    known = [table.known(NAMESPACE, IP, BEGUN_US + minute * MINUTE_US) for minute in (0, 30, 59, 59 + 11)]
    assert known == [(Known(HOST, Evidence.HOSTS),)] * 3 + [()]


def test_what_ended_more_than_a_day_ago_leaves_the_table_once_somebody_tidies(naming: Naming, table: NameTable) -> None:
    naming.learn(Found(HOST, (IP,), 60.0, BEGUN_US))
    naming.tidy(BEGUN_US + DAY_US)
    assert table.known(NAMESPACE, IP, BEGUN_US) != ()
    naming.tidy(BEGUN_US + DAY_US + 2 * MINUTE_US)
    assert table.known(NAMESPACE, IP, BEGUN_US) == ()
