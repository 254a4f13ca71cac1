"""Whether the cause of an alert has gone. Pure."""

from tui.allowlist.judge import Allowlist
from tui.allowlist.rules import Subject
from tui.allowlist.target import UNNAMED_ADDRESS
from tui.catalog import Catalogue
from tui.collector.alerts import PREDATES
from tui.collector.label import name_of
from tui.model.address import parse_address
from tui.model.alert import Alert
from tui.model.connection import Verdict
from tui.names.table import NameTable


def resolution(
    alert: Alert, allowlist: Allowlist, table: NameTable, catalogue: Catalogue, waits: bool, now_us: int
) -> str | None:
    """Why an off-allowlist alert is over, or None while it is not.

    ``waits`` is for the entry of a role's connections that predate the record: some are open and off the list still.
    """
    if alert.cause.startswith(PREDATES):
        return None if waits else "none of these connections is open and off the allowlist any more"
    if alert.destination is None or alert.port is None:
        return None
    subject = _subject(alert.destination, alert.port, alert.role, table, catalogue, now_us)
    judgement = allowlist.judge(subject, now_us)
    if judgement.verdict is Verdict.OFF_ALLOWLIST:
        return None
    return f"the allowlist (revision {allowlist.revision}) has it: {judgement.why}"


def _subject(
    destination: str, port: int, role: str | None, table: NameTable, catalogue: Catalogue, now_us: int
) -> Subject:
    try:
        ip = str(parse_address(destination))
    except ValueError:
        return Subject(destination, UNNAMED_ADDRESS, port, role)
    name = name_of(table, catalogue, ip, now_us)
    return Subject(name.host, ip, port, role, name.candidates)
