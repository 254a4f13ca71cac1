"""Write rows as table, CSV, JSON, NDJSON or Markdown. Owns what makes text inert in each; knows no history and no file.

Rows stream: no format holds more than the first 200. All text passes `clean` here once more, whatever was done before.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from itertools import chain, islice
from typing import TextIO

from tui.model.text import ELLIPSIS, clean

TEXT_MAX = 4_096
"""Characters of one value: far more than a name has, few enough that a hostile one cannot fill a disk."""

SAMPLE_ROWS = 200
"""Rows that a table looks at before it fixes the widths of its columns."""

_WIDEST = 64
"""Cells to which a column is padded where nothing is cut: a longer value pushes out its own line and no other."""

_NARROWEST = 6
_UNKNOWN = "-"
_FORMULA = re.compile(r"(?:^|(?<=;))(?=\s*[=+\-@＝＋－＠])")
_MARKDOWN = re.compile(r"[\\`*_{}\[\]<>()#!|~&$]")
_LINKED = re.compile(r"@|#[0-9]|://|www\.|\bGH-[0-9]", re.IGNORECASE)

Row = Mapping[str, object]
"""Column to text, whole number, list of texts or None for what is unknown."""


class Format(StrEnum):
    """The forms that rows are exported in."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"
    NDJSON = "ndjson"
    MARKDOWN = "markdown"


def write_rows(
    rows: Iterable[Row], columns: Sequence[str], fmt: Format, stream: TextIO, width: int | None = None
) -> int:
    """Write rows to a text stream and return how many there were.

    `width` is that of the terminal in cells; a table then cuts its widest columns to fit, without it nothing is cut.
    What a row lacks is unknown. Open a file for CSV with `newline=""`: RFC 4180 ends lines in CR LF.
    """
    count = 0

    def counted() -> Iterator[Row]:
        nonlocal count
        for row in rows:
            count += 1
            yield row

    if fmt == Format.TABLE:
        _write_table(counted(), columns, stream, width)
    else:
        _WRITERS[fmt](counted(), columns, stream)
    return count


def _write_csv(rows: Iterable[Row], columns: Sequence[str], stream: TextIO) -> None:
    """RFC 4180, with a ' before what a spreadsheet would take for a formula (also after ; where that splits cells)."""
    writer = csv.writer(stream, lineterminator="\r\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow([_csv_value(row.get(column)) for column in columns])


def _csv_value(value: object) -> object:
    if value is None or isinstance(value, int):
        return value
    text = _text(value)
    return text if text[:1].isalnum() and ";" not in text else _FORMULA.sub("'", text)


def _write_json(rows: Iterable[Row], columns: Sequence[str], stream: TextIO) -> None:
    """One array (RFC 8259), a row a line, in ASCII."""
    before = "[\n"
    for row in rows:
        stream.write(before + _json_object(row, columns))
        before = ",\n"
    stream.write("[]\n" if before == "[\n" else "\n]\n")


def _write_ndjson(rows: Iterable[Row], columns: Sequence[str], stream: TextIO) -> None:
    """One object a line, in ASCII."""
    for row in rows:
        stream.write(_json_object(row, columns) + "\n")


def _json_object(row: Row, columns: Sequence[str]) -> str:
    return json.dumps({column: _json_value(row.get(column)) for column in columns}, separators=(",", ":"))


def _json_value(value: object) -> object:
    if value is None or isinstance(value, int):
        return value
    return [clean(str(each), TEXT_MAX) for each in value] if isinstance(value, list | tuple) else _text(value)


def _write_markdown(rows: Iterable[Row], columns: Sequence[str], stream: TextIO) -> None:
    """A table of GitHub Flavored Markdown (its specification, §4.10)."""
    stream.write(_markdown_line(map(_markdown, columns)))
    stream.write(_markdown_line("---" for _ in columns))
    for row in rows:
        stream.write(_markdown_line(_markdown(_shown(row.get(column))) for column in columns))


def _markdown_line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |\n"


def _markdown(text: str) -> str:
    """The text, escaped; a code span where it could become a link, a mention or a reference, which ignore escapes."""
    return _code_span(text) if _LINKED.search(text) else _MARKDOWN.sub(r"\\\g<0>", text)


def _code_span(text: str) -> str:
    """A code span of a table cell; backslashes before a | are doubled, or some renderers let it split the cell."""
    fence = "`" * (max(map(len, re.findall("`+", text)), default=0) + 1)
    pad = " " if text.startswith(("`", " ")) or text.endswith(("`", " ")) else ""
    return fence + pad + re.sub(r"(\\*)\|", r"\1\1\\|", text) + pad + fence


def _write_table(rows: Iterator[Row], columns: Sequence[str], stream: TextIO, width: int | None) -> None:
    """Columns aligned on the first rows, numbers at the right, two spaces between columns and none at a line's end."""
    sample = list(islice(rows, SAMPLE_ROWS))
    titles = [column.upper() for column in columns]
    widths = _widths([titles, *([_shown(row.get(column)) for column in columns] for row in sample)])
    widths = [min(wide, _WIDEST) for wide in widths] if width is None else _fitted(widths, width)
    right = [_is_numeric(row.get(column) for row in sample) for column in columns]

    def line(texts: Iterable[str]) -> str:
        cells = (
            _aligned(text, wide, at_right, width is not None)
            for text, wide, at_right in zip(texts, widths, right, strict=True)
        )
        return "  ".join(cells).rstrip() + "\n"

    stream.write(line(titles))
    for row in chain(sample, rows):
        stream.write(line(_shown(row.get(column)) for column in columns))


def _is_numeric(values: Iterable[object]) -> bool:
    known = [value for value in values if value is not None]
    return bool(known) and all(isinstance(value, int) for value in known)


def _widths(lines: Sequence[Sequence[str]]) -> list[int]:
    from rich.cells import cell_len

    return [max(map(cell_len, column)) for column in zip(*lines, strict=True)]


def _fitted(widths: Sequence[int], total: int) -> list[int]:
    """The widths with the widest ones reduced until a line fits, none below six cells."""
    fitted = [min(wide, total) for wide in widths]
    spare = total - 2 * (len(fitted) - 1)
    while sum(fitted) > spare and max(fitted) > _NARROWEST:
        fitted[fitted.index(max(fitted))] -= 1
    return fitted


def _aligned(text: str, wide: int, at_right: bool, cut: bool) -> str:
    from rich.cells import cell_len, set_cell_size

    if cut and cell_len(text) > wide:
        text = set_cell_size(text, wide - 1).rstrip() + ELLIPSIS
    space = " " * (wide - cell_len(text))  # none where the text is wider
    return space + text if at_right else text + space


def _shown(value: object) -> str:
    """A value for a reader: what is unknown is a hyphen, so that it can be seen."""
    return _UNKNOWN if value is None else _text(value)


def _text(value: object) -> str:
    return clean(" ".join(map(str, value)) if isinstance(value, list | tuple) else str(value), TEXT_MAX)


_WRITERS: Mapping[Format, Callable[[Iterable[Row], Sequence[str], TextIO], None]] = {
    Format.CSV: _write_csv,
    Format.JSON: _write_json,
    Format.NDJSON: _write_ndjson,
    Format.MARKDOWN: _write_markdown,
}
