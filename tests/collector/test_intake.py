"""Lines wait in their logs while nothing can be written, and come once it can."""

import asyncio
from datetime import UTC
from pathlib import Path

from tests.collector import build
from tui.collector.commits import Commits
from tui.collector.intake import LogIntake
from tui.collector.logs import FollowedLog
from tui.history.write import open_for_writing
from tui.proxylog.catalogue import formats_for

LINE = "1795428518.343 8 172.18.0.3 TCP_TUNNEL/200 2498 CONNECT h{}.example:443 - HIER_DIRECT/198.51.100.26 -\n"


def test_a_log_keeps_its_lines_while_the_history_cannot_be_written(tmp_path: Path) -> None:
    path = tmp_path / "access.log"
    path.touch()
    db = open_for_writing(tmp_path / "history.db")
    pipeline = build.pipeline()

    async def record() -> tuple[int, int]:
        commits, stop = Commits(db, tmp_path / "history.db", pipeline), asyncio.Event()
        log = FollowedLog(str(path), formats_for("squid"), None, UTC)
        intake = LogIntake([log], pipeline, commits, stop, asyncio.Event())
        intake.placed.set()
        await intake.open()
        db.execute("PRAGMA query_only = 1")
        pipeline.batch.requests[1, 1] = None
        await commits.commit()
        assert commits.failing
        running = asyncio.create_task(intake.run())
        await asyncio.sleep(0.5)
        path.write_text("".join(map(LINE.format, range(9))))
        await asyncio.sleep(0.5)
        waiting = len(pipeline.batch.connections)
        db.execute("PRAGMA query_only = 0")
        await commits.commit()
        await asyncio.sleep(0.5)
        await commits.commit()
        stop.set()
        await running
        intake.close(wait=True)
        commits.close(wait=True)
        return waiting, int(db.execute("SELECT count(*) FROM connection").fetchone()[0])

    assert asyncio.run(record()) == (0, 9)
    db.close()
