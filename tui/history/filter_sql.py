"""Turn a parsed filter into SQL over the view ``recorded``. Values always travel as parameters, never as SQL text."""

from collections.abc import Mapping

from tui.model.filter import FREE_COLUMNS, Contains, Equals, Filter, Network, Range, Regex, Term, Test

ROW_COLUMNS: Mapping[str, str] = {
    "ip": "ip_text(ip)",
    "local_ip": "ip_text(local_ip)",
    "evidence": "coalesce(evidence, CASE WHEN reverse IS NOT NULL THEN 'reverse' END)",
}
"""Filter key to SQL over the view ``recorded``, where they differ."""

HOUR_COLUMNS: Mapping[str, str] = {
    "host": "CASE WHEN d.named THEN d.name END",
    "port": "d.port",
    "category": "f.category",
    "role": "f.role",
    "verdict": "f.verdict",
    "outcome": "f.outcome",
}
"""Filter key to SQL over the hourly sums."""


def sums_answer(filter: Filter) -> bool:
    """True if the hourly sums hold all that the filter asks for; free text and other keys need the rows."""
    return all(term.key in HOUR_COLUMNS for term in filter.terms)


Sql = tuple[str, list[object]]


def where(filter: Filter, columns: Mapping[str, str] = ROW_COLUMNS) -> Sql:
    """A condition, always true for the empty filter, and its parameters."""
    parts, values = ["1"], list[object]()
    for term in filter.terms:
        text, more = _term(term, columns)
        parts.append(f"NOT {text}" if term.negated else text)
        values += more
    return " AND ".join(parts), values


def _term(term: Term, columns: Mapping[str, str]) -> Sql:
    parts, values = list[str](), list[object]()
    for key in FREE_COLUMNS if term.key is None else (term.key,):
        for test in term.tests:
            text, more = _test(key, columns.get(key, key), test)
            parts.append(f"coalesce({text}, 0)")
            values += more
    return "(" + " OR ".join(parts) + ")", values


def _test(key: str, column: str, test: Test) -> Sql:
    match test:
        case Contains(text=text):
            return f"instr(lower({column}), ?) > 0", [text]
        case Regex(pattern=pattern):
            return f"regexp(?, {column})", [pattern]
        case Equals(text=text):
            return f"{column} = ?", [text]
        case Range(low=low, high=high):
            return f"{column} BETWEEN ? AND ?", [low, high]
        case Network(network=network):
            size = 4 if network.version == 4 else 16
            low_end, high_end = network.network_address.packed, network.broadcast_address.packed
            return f"(length({key}) = {size} AND {key} BETWEEN ? AND ?)", [low_end, high_end]
