"""Values as rows of their tables, in the order of the statements that write them."""

import msgspec

from tui.history.batch import KeptLog, KeptLoss, KeptWorkload, Run


def run_row(run: Run, revision: int) -> tuple[object, ...]:
    """A run of a collector."""
    return (run.id, revision, run.started_us, run.seen_us, run.ended_us, run.until_us, run.kind, run.pid, run.user,
            run.version)  # fmt: skip


def loss_row(loss: KeptLoss, revision: int) -> tuple[object, ...]:
    """A loss of events."""
    return (loss.id, revision, loss.source, " ".join(loss.namespaces), loss.from_us, loss.to_us, loss.events,
            loss.note)  # fmt: skip


def log_row(kept: KeptLog, revision: int) -> tuple[object, ...]:
    """A proxy's log."""
    return (kept.path, revision, kept.marks, kept.reader, kept.read_us, kept.state, kept.formats, kept.lacks,
            kept.lines, kept.requests, kept.unparsed, kept.last_unparsed, kept.lag)  # fmt: skip


def workload_row(kept: KeptWorkload, revision: int) -> tuple[object, ...]:
    """A workload."""
    w = kept.workload
    proxy = msgspec.json.encode(w.proxy).decode()
    return (kept.id, revision, w.namespace, w.kind, w.container_id, w.container, w.role, w.image, w.project,
            int(w.described), w.pid, proxy, w.started_us, kept.gone_us)  # fmt: skip
