"""Numbers of bytes for people."""

import pytest

from tui.model.size import size_text


@pytest.mark.parametrize(
    ("count", "shown"),
    [(0, "0 B"), (512, "512 B"), (2_100, "2.1 kB"), (61_000, "61.0 kB"), (48_200_000, "48.2 MB"), (999_999, "1.0 MB")],
)
def test_bytes_take_three_digits_and_a_decimal_unit(count: int, shown: str) -> None:
    assert size_text(count) == shown
