"""How rows of a record are compared with requests that were made of a proxy: every way of being wrong is told."""

from typing import Any

import pytest

from tests.proxy_bench import ABORTED, Row, differences

ASKED = Row("a.example", 443, "through", "api", ("10.77.0.11", 40000))
DENIED = Row("b.example", 443, "denied", "api", ("10.77.0.11", 40001))
LEDGER = [ASKED, DENIED]


def exported(row: Row, **changed: Any) -> dict[str, Any]:
    assert row.local is not None
    told = {"host": row.host, "port": row.port, "outcome": row.outcome, "role": row.role}
    told |= {"local_ip": row.local[0], "local_port": row.local[1]}
    return told | {"outcome": "closed" if row.outcome == "through" else row.outcome} | changed


def test_the_same_in_another_order_has_no_differences() -> None:
    assert differences(LEDGER, [exported(DENIED), exported(ASKED)], has_port=True) == ""


@pytest.mark.parametrize(
    "rows",
    [
        [exported(ASKED)],
        [exported(ASKED), exported(DENIED), exported(DENIED)],
        [exported(ASKED), exported(DENIED, outcome="closed")],
        [exported(ASKED, outcome="no-reply"), exported(DENIED)],
        [exported(ASKED, host="b.example"), exported(DENIED)],
        [exported(ASKED, port=80), exported(DENIED)],
        [exported(ASKED, role=None), exported(DENIED)],
    ],
)
def test_what_is_missing_doubled_or_wrong_is_told(rows: list[dict[str, Any]]) -> None:
    assert differences(LEDGER, rows, has_port=True)
    assert differences(LEDGER, rows, has_port=False)


def test_another_socket_s_row_is_wrong_only_where_the_lines_tell_the_port() -> None:
    rows = [exported(ASKED, local_port=40001), exported(DENIED, local_port=40000)]
    assert differences(LEDGER, rows, has_port=True)
    assert differences(LEDGER, rows, has_port=False) == ""


def test_what_a_client_broke_off_may_look_as_if_nothing_came() -> None:
    asked = ASKED._replace(host=ABORTED)
    assert differences([asked], [exported(asked, outcome="no-reply")], has_port=True) == ""
