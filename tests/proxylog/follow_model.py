"""A log to which anything happens, and what whoever follows it must have read by then.

The ids of the lines are the measure. After each committed reading, all whole lines that stand in the log or in what was
rotated from it must have been read; nothing twice, and nothing that was there before the first run. A file without a
name counts as long as the follower has had it open since it stood at the path.
"""

import os
import random
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.proxylog.packing import PACK, UNPACK
from tui.proxylog.follow import QUIET_S, Follower
from tui.proxylog.format import RAW_MAX
from tui.proxylog.identity import Mark

_LINE = re.compile(rb"(\d{8}) x* (\d{8})")
KEEP = 4
"""Rotated files that stay; older ones are deleted."""


@dataclass(eq=False)
class Text:
    """A file by its content, whatever its name is."""

    ids: list[int] = field(default_factory=list)
    is_held: bool = False
    """True if the follower surely has it open."""
    written_s: float = 0.0
    late: set[int] = field(default_factory=set)
    """Lines that came while nobody had it open and it was not at the path: found, but not at once."""


@dataclass(eq=False)
class Writer:
    """A process that has a file open, and has perhaps written a part of a line."""

    descriptor: int
    text: Text
    started: bytes = b""
    """What it still has to write of a line."""
    is_mangled: bool = False
    """True if the beginning of that line is elsewhere by now."""
    id: int = 0


class World:
    """The log, its writer, its rotated files, and the follower, all driven by one seed."""

    def __init__(self, directory: Path, seed: int) -> None:
        self.chance = random.Random(seed)
        self.path = directory / "access.log"
        self.now_s = 1000.0
        self.next_id = 1
        self.names: dict[Path, Text] = {}
        self.read_ids: list[int] = []
        self.must: set[int] = set()
        self.never: set[int] = set()
        self.fragile: set[int] = set()
        self.marks: Sequence[Mark] | None = None
        self.steps: list[str] = []
        self.follower: Follower | None = None
        self.writers: list[Writer] = [self._create()]
        for _ in range(self.chance.randrange(4)):
            self.chance.choice([self.write, self.rotate])()
        self.never = {id for text in self.names.values() for id in text.ids}
        self.follower = Follower(self.path, None)
        self.poll()

    def run(self, count: int) -> None:
        """Let so many things happen, then look at it all once more."""
        steps = [self.write] * 6 + [self.poll] * 6 + [
            self.begin_line, self.finish_line, self.rotate, self.rotate, self.reopen, self.reopen, self.write_late,
            self.copy_and_truncate, self.truncate, self.overwrite, self.unlink, self.pack, self.pack, self.unpack,
            self.copy_aside, self.stop, self.kill, self.wait, self.wait_long,
        ]  # fmt: skip
        for _ in range(count):
            step = self.chance.choice(steps)
            self.steps.append(step.__name__)
            step()
        self.settle()
        self.close()

    # What the proxy does

    def _create(self) -> Writer:
        text = self.names.setdefault(self.path, Text())
        flags = os.O_WRONLY | os.O_CREAT | (os.O_APPEND if self.chance.random() < 0.7 else 0)
        descriptor = os.open(self.path, flags, 0o644)
        os.lseek(descriptor, 0, os.SEEK_END)
        return Writer(descriptor, text)

    def _line(self) -> tuple[int, bytes]:
        id, self.next_id = self.next_id, self.next_id + 1
        end = self.chance.choice([b"\n", b"\n", b"\r\n"])
        return id, b"%08d %s %08d" % (id, b"x" * self.chance.choice([3, 30, 200, 1500]), id) + end

    def _wrote(self, writer: Writer, id: int, is_whole: bool = True) -> None:
        text = writer.text
        if text is not self.names.get(self.path) and self.now_s - text.written_s > QUIET_S - 10:
            text.is_held = False
            if not is_whole:
                self.fragile.add(id)
        text.written_s = self.now_s
        if is_whole:
            text.ids.append(id)
            if not text.is_held and text is not self.names.get(self.path):
                text.late.add(id)

    def _put(self, writer: Writer, count: int) -> None:
        if writer.started:
            self._finish(writer)
        for _ in range(count):
            id, line = self._line()
            os.write(writer.descriptor, line)
            self._wrote(writer, id)

    def _finish(self, writer: Writer) -> None:
        os.write(writer.descriptor, writer.started)
        writer.started = b""
        is_at_path = writer.text is self.names.get(self.path)
        if not is_at_path and self.now_s - writer.text.written_s > QUIET_S - 10:
            self.fragile.add(writer.id)
        if not writer.is_mangled:
            self._wrote(writer, writer.id)

    def write(self) -> None:
        """Lines, by the writer that opened the log last."""
        self._put(self.writers[-1], self.chance.randrange(1, 6))

    def write_late(self) -> None:
        """Lines by one that still has an older file."""
        self._put(self.chance.choice(self.writers), self.chance.randrange(1, 3))

    def begin_line(self) -> None:
        """A part of a line."""
        writer = self.writers[-1]
        if not writer.started:
            writer.id, line = self._line()
            cut = self.chance.randrange(1, len(line))
            os.write(writer.descriptor, line[:cut])
            writer.started, writer.is_mangled = line[cut:], False
            writer.text.written_s = self.now_s

    def finish_line(self) -> None:
        """The rest of a line."""
        for writer in self.writers:
            if writer.started:
                self._finish(writer)

    def reopen(self) -> None:
        """What a signal makes a proxy do."""
        if self.writers[-1].text is not self.names.get(self.path):
            self.writers.append(self._create())
        elif len(self.writers) > 1:
            os.close(self.writers.pop(0).descriptor)

    # What happens to its files

    def _rotated(self, number: int) -> Path | None:
        """The file of this number, packed or not."""
        names = [self.path.with_name(f"access.log.{number}{end}") for end in ("", *PACK)]
        return next((name for name in names if name in self.names), None)

    def _shift(self) -> None:
        for number in range(KEEP, 0, -1):
            name = self._rotated(number)
            if name is None:
                continue
            text = self.names.pop(name)
            if number == KEEP:
                name.unlink()
                continue
            new = self.path.with_name(name.name.replace(f"log.{number}", f"log.{number + 1}"))
            name.rename(new)
            self.names[new] = text

    def rotate(self) -> None:
        """By renaming; the writer reopens at once, or later."""
        if self.path not in self.names:
            return
        self._shift()
        first = self.path.with_name("access.log.1")
        self.path.rename(first)
        self.names[first] = self.names.pop(self.path)
        if self.chance.random() < 0.5:
            self.reopen()

    def copy_and_truncate(self) -> None:
        """Rotation by copying, with or without a line in between that exists nowhere afterwards."""
        if self.path not in self.names:
            return
        self._shift()
        self._copy(self.path.with_name("access.log.1"))
        for step in (self.poll, self.write, self.poll):
            if self.chance.random() < 0.3:
                step()
        self.truncate()

    def truncate(self) -> None:
        """``> access.log``; sometimes it grows beyond its former size at once."""
        if self.path not in self.names:
            return
        old = self.names[self.path]
        changed_s = self.now_s if self.path.stat().st_size else old.written_s
        os.truncate(self.path, 0)
        new = Text(is_held=old.is_held, written_s=changed_s)
        self.names[self.path] = new
        for writer in self.writers:
            if writer.text is old:
                writer.text = new
                writer.is_mangled = bool(writer.started)
        if self.chance.random() < 0.3:
            self._put(self.writers[-1], 12)

    def overwrite(self) -> None:
        """The same number of bytes, another text."""
        text = self.names.get(self.path)
        if text is None or any(writer.started for writer in self.writers if writer.text is text):
            return
        content = self.path.read_bytes()
        if not content.endswith(b"\n") or content.startswith(b"\0"):
            return
        if not 20 <= len(content) <= RAW_MAX:
            return
        id, self.next_id = self.next_id, self.next_id + 1
        fd = os.open(self.path, os.O_WRONLY)
        os.pwrite(fd, b"%08d %s %08d\n" % (id, b"x" * (len(content) - 19), id), 0)
        os.close(fd)
        text.ids[:] = [id]

    def unlink(self) -> None:
        """The log loses its name; the writer notices nothing."""
        if self.path in self.names:
            self.path.unlink()
            del self.names[self.path]

    def _choose(self, packed: bool) -> Path | None:
        names = [name for name in self.names if name != self.path and (name.suffix in PACK) == packed]
        return self.chance.choice(names) if names else None

    def pack(self) -> None:
        """As ``gzip`` does it: a new file with the time of the old, which is deleted."""
        if (name := self._choose(False)) is None:
            return
        end = self.chance.choice(list(PACK))
        new = name.with_name(name.name + end)
        text, packed = self.names[name], PACK[end](name.read_bytes())
        with new.open("wb") as file:
            file.write(packed[: len(packed) // 2])
            if self.chance.random() < 0.2:
                file.flush()
                text.late |= set(text.ids)  # What is half made may be taken for what is to be read.
                self.poll()
            file.write(packed[len(packed) // 2 :])
        status = name.stat()
        os.utime(new, ns=(status.st_atime_ns, status.st_mtime_ns))
        if self.chance.random() < 0.2:
            self.poll()
        name.unlink()
        del self.names[name]
        # What an archive has more than a file that begins like it is found once that one is no longer open.
        is_delayed = any(other.ids[:1] in ([], text.ids[:1]) for other in self.names.values())
        late = set(text.ids) if is_delayed else set(text.late)
        self.names[new] = Text(list(text.ids), written_s=text.written_s, late=late)

    def unpack(self) -> None:
        """As somebody does who wants to look into it."""
        if (name := self._choose(True)) is None:
            return
        new = name.with_suffix("")
        if new in self.names:
            return
        new.write_bytes(UNPACK[name.suffix](name.read_bytes()))
        name.unlink()
        text = self.names[new] = self.names.pop(name)
        text.late = set(text.ids)  # The archive may just be being read.

    def _copy(self, new: Path) -> None:
        shutil.copyfile(self.path, new)
        text = self.names[self.path]
        self.names[new] = Text(list(text.ids), written_s=self.now_s)
        # The beginning of a line is in both now, and may be given up in the copy before its end is found in the other.
        self.fragile |= {writer.id for writer in self.writers if writer.text is text and writer.started}

    def copy_aside(self) -> None:
        """As somebody does who wants to keep it."""
        old = self.path.with_name("access.log.old")
        if self.path in self.names and old not in self.names:
            self._copy(old)

    # What the follower does

    def poll(self, is_settled: bool = False) -> None:
        """Read, and commit what was read."""
        if self.follower is None:
            self.follower = Follower(self.path, self.marks)
        self.now_s += 0.25
        while True:
            got = self.follower.read(self.now_s, self.chance.choice([900, 70_000, 4 << 20]))
            self._take(got.lines)
            self.marks = got.marks
            if not got.lag:
                break
        at_path = self.names.get(self.path)
        held = [writer.text for writer in self.writers if writer.text.is_held]
        for text in [*self.names.values(), *held]:
            if self.now_s - text.written_s > QUIET_S - 10 and text is not at_path:
                text.is_held = False
        if at_path is not None:
            at_path.is_held = True
        for text in [*self.names.values(), *(text for text in held if text.is_held)]:
            self.must |= set(text.ids) - (set() if is_settled or text.is_held else text.late)
        self.check()

    def _take(self, lines: list[bytes]) -> None:
        for line in lines:
            found = _LINE.fullmatch(line)
            if found and found[1] == found[2]:
                self.read_ids.append(int(found[1]))

    def check(self) -> None:
        """Nothing twice, nothing missing, nothing from before.

        :raises AssertionError: if it is not so
        """
        read = set(self.read_ids)
        if len(read) != len(self.read_ids):
            twice = sorted(id for id in read if self.read_ids.count(id) > 1)
            raise AssertionError(f"read twice: {twice[:5]} of {len(twice)}")
        missing = self.must - read - self.never - self.fragile
        assert not missing, f"not read: {sorted(missing)[:5]} of {len(missing)}"
        assert not read & self.never, f"from before the first run: {sorted(read & self.never)[:5]}"

    def stop(self) -> None:
        """An orderly end; it starts again with the next reading."""
        if self.follower is not None:
            self.follower.close()
            self.follower = None
            self._let_go()

    def kill(self) -> None:
        """Something is read, and the end comes before it is committed."""
        if self.follower is not None:
            self.follower.read(self.now_s)
        self.stop()

    def _let_go(self) -> None:
        for text in [*self.names.values(), *(writer.text for writer in self.writers)]:
            text.is_held = False

    def wait(self) -> None:
        """Some seconds."""
        self.now_s += self.chance.choice([1, 5, 20])

    def wait_long(self) -> None:
        """Until the follower gives up old files."""
        self.poll()
        for _ in range(4):
            self.now_s += QUIET_S / 3
            self.poll()

    def settle(self) -> None:
        """Time enough to find everything."""
        for _ in range(3):
            self.wait_long()
        self.poll(is_settled=True)

    def close(self) -> None:
        """Let go of everything."""
        self.stop()
        for writer in self.writers:
            os.close(writer.descriptor)
