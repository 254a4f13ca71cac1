"""Names of containers from real Unix sockets whose daemons answer well, badly or not at all."""

import json
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.history.as_nobody import as_nobody
from tui.capture.engine import SOCKETS, Described, Engine, ask, listed, socket_paths

A, B = "a" * 64, "b" * 64
ROW: dict[str, object] = {
    "Id": A,
    "Names": ["/linked/to", "/retool-api-1"],
    "Image": "tryretool/backend:3.75",
    "Labels": {"com.docker.compose.project": "retool", "com.docker.compose.service": "api"},
    "State": "running",
}
DESCRIBED = Described("retool-api-1", "tryretool/backend:3.75", "retool", "api")
Serve = Callable[[Callable[[socket.socket], object]], str]


def http(body: bytes, head: str = "HTTP/1.0 200 OK\r\nContent-Type: application/json") -> bytes:
    return head.encode() + b"\r\n\r\n" + body


GOOD = http(json.dumps([ROW]).encode())


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Start a daemon that does something with every connection; gives its socket."""
    stopping = threading.Event()
    with ExitStack() as stack:

        def start(act: Callable[[socket.socket], object]) -> str:
            path = tmp_path / f"{len(list(tmp_path.iterdir()))}.sock"
            server = stack.enter_context(socket.socket(socket.AF_UNIX))
            server.bind(str(path))
            server.listen()
            thread = threading.Thread(target=_accept, args=(server, act, stopping))
            stack.callback(thread.join)
            stack.callback(_wake, str(path))
            thread.start()
            return str(path)

        yield start
        stopping.set()


def _accept(server: socket.socket, act: Callable[[socket.socket], object], stopping: threading.Event) -> None:
    while True:
        connection, _ = server.accept()
        with connection:
            if stopping.is_set():
                return
            with suppress(OSError):
                act(connection)


def _wake(path: str) -> None:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(path)


def sends(answer: bytes) -> Callable[[socket.socket], None]:
    """A daemon that reads the request and answers."""

    def act(connection: socket.socket) -> None:
        connection.recv(4096)
        connection.sendall(answer)

    return act


def waits_for_the_end(connection: socket.socket) -> None:
    while connection.recv(4096):
        pass


def drips(connection: socket.socket) -> None:
    connection.recv(4096)
    connection.sendall(http(b""))
    connection.settimeout(0.01)
    while True:
        connection.sendall(b" ")
        with suppress(TimeoutError):
            if not connection.recv(1):
                return


class Counting:
    """A daemon whose answer can change, and that counts how often it is asked."""

    def __init__(self, *rows: dict[str, object]) -> None:
        self.rows = rows
        self.asked = 0

    def __call__(self, connection: socket.socket) -> None:
        self.asked += 1
        sends(http(json.dumps(self.rows).encode()))(connection)


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def test_name_image_project_and_service_are_told_by_id(serve: Serve) -> None:
    assert ask(serve(sends(GOOD))).found == {A: DESCRIBED}


def test_the_request_only_reads(serve: Serve) -> None:
    seen: list[bytes] = []

    def act(connection: socket.socket) -> None:
        seen.append(connection.recv(4096))
        connection.sendall(GOOD)

    ask(serve(act))
    assert seen[0].startswith(b"GET /containers/json HTTP/1.0\r\n")


def test_an_answer_in_chunks_or_of_a_daemon_that_keeps_the_connection_is_complete(serve: Serve) -> None:
    body = json.dumps([ROW]).encode()
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (body[:50], body[50:], b""))
    kept = sends(http(body, f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}"))

    def keeps(connection: socket.socket) -> None:
        kept(connection)
        waits_for_the_end(connection)

    assert ask(serve(sends(http(chunks, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked")))).found == {A: DESCRIBED}
    assert ask(serve(keeps)).found == {A: DESCRIBED}


@pytest.mark.parametrize("act", [waits_for_the_end, drips])
def test_a_daemon_that_hangs_or_drips_is_given_up_after_200_ms(
    serve: Serve, act: Callable[[socket.socket], object]
) -> None:
    path = serve(act)
    before_s = time.monotonic()
    answer = ask(path)
    assert 0.19 < time.monotonic() - before_s < 2
    assert (answer.found, answer.reason) == (None, f"{path} did not answer within 200 ms")


def test_a_daemon_that_accepts_nobody_is_given_up_too(tmp_path: Path) -> None:
    path = str(tmp_path / "full.sock")
    with ExitStack() as stack:
        server = stack.enter_context(socket.socket(socket.AF_UNIX))
        server.bind(path)
        server.listen(0)
        for _ in range(3):
            waiting = stack.enter_context(socket.socket(socket.AF_UNIX))
            waiting.setblocking(False)
            with suppress(BlockingIOError):
                waiting.connect(path)
        assert ask(path).reason == f"{path} did not answer within 200 ms"


@pytest.mark.parametrize("head", ["HTTP/1.0 200 OK", f"HTTP/1.0 200 OK\r\nContent-Length: {10**15}"])
def test_a_huge_answer_is_not_read_to_its_end(serve: Serve, head: str) -> None:
    path = serve(sends(http(b" " * 300_000, head)))
    assert ask(path, limit_s=5, size_max=4096).reason == f"{path} answered with more than 4 KiB"


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"", "something else than HTTP"),
        (b"\x00\xff\x1b[2J\r\n\r\n", "something else than HTTP"),
        (b"SSH-2.0-x\r\n", "something else than HTTP"),
        (http(b"", "HTTP/1.0 403 Forbidden"), "HTTP status 403"),
        (http(b"<html>"), "something else than a list of containers"),
        (http(b"zz\r\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked"), "something else than HTTP"),
        (GOOD[:-9], "something else than a list of containers"),
    ],
)
def test_rubbish_is_a_reason_in_words(serve: Serve, answer: bytes, reason: str) -> None:
    path = serve(sends(answer))
    found = ask(path)
    assert (found.found, found.reason) == (None, f"{path} answered with {reason}")


@pytest.mark.parametrize(
    "body", [b"", b"{}", b"[1]", b'[{"Id": 1}]', b"[" * 100_000, b'[{"Id": "\xff"}]', b'[{"Id": "a", "Names": "x"}]']
)
def test_a_body_that_is_no_list_of_containers_is_none(body: bytes) -> None:
    assert listed(body) is None


@given(st.binary())
def test_any_body_at_all_never_raises(body: bytes) -> None:
    listed(body)


def test_escape_sequences_in_names_and_labels_are_made_inert() -> None:
    evil = "\x1b[2J\u202e"
    labels = {"com.docker.compose.project": evil, "com.docker.compose.service": evil}
    found = listed(json.dumps([{"Id": A, "Names": ["/" + evil], "Image": evil, "Labels": labels}]).encode())
    assert found == {A: Described(*["�[2J�"] * 4)}


def test_podman_s_own_labels_count_and_a_container_without_any_has_its_name_alone() -> None:
    labels = {"io.podman.compose.project": "retool", "io.podman.compose.service": "api"}
    rows = [{"Id": A, "Names": ["api"], "Labels": labels}, {"Id": B, "Names": None, "Labels": None}, {"Id": "short"}]
    found = listed(json.dumps(rows).encode())
    assert found == {A: Described("api", None, "retool", "api"), B: Described(None, None, None, None)}


def test_without_a_socket_the_reason_names_the_places(tmp_path: Path) -> None:
    paths = [str(tmp_path / "docker.sock"), str(tmp_path / "podman.sock")]
    assert Engine(paths).check() == f"no Docker or Podman socket at {paths[0]} or {paths[1]}"


def test_a_socket_that_one_may_not_use_is_a_reason(serve: Serve) -> None:
    path = serve(sends(GOOD))
    os.chmod(path, 0)
    reason = as_nobody(lambda: ask(path).reason) if os.geteuid() == 0 else ask(path).reason
    os.chmod(path, 0o600)
    assert reason == f"permission denied: {path}"


def test_a_path_that_cannot_be_one_of_a_socket_is_a_reason(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    assert ask(str(file)).reason == f"{file} cannot be asked: nobody listens"
    assert ask("/" + "x" * 200).reason.endswith("path too long")
    assert ask("/a\0b").found is None


@pytest.mark.parametrize(
    ("host", "paths"),
    [
        (None, SOCKETS),
        ("", SOCKETS),
        ("tcp://10.0.0.1:2375", SOCKETS),
        ("unix://", SOCKETS),
        ("unix:///run/user/1000/docker.sock", ("/run/user/1000/docker.sock",)),
    ],
)
def test_docker_host_says_where_to_ask_if_it_is_a_socket(host: str | None, paths: tuple[str, ...]) -> None:
    assert socket_paths({} if host is None else {"DOCKER_HOST": host}) == paths


def test_one_engine_that_answers_is_enough_and_both_are_heard(serve: Serve, tmp_path: Path) -> None:
    other = serve(sends(http(json.dumps([{"Id": B, "Names": ["db"]}]).encode())))
    engine = Engine([serve(sends(GOOD)), str(tmp_path / "absent"), other])
    assert set(engine.look({A, B})) == {A, B}
    assert engine.reason is None


def test_two_paths_to_one_socket_are_one_question(serve: Serve, tmp_path: Path) -> None:
    daemon = Counting(ROW)
    path = serve(daemon)
    link = tmp_path / "link"
    link.symlink_to(path)
    engine = Engine([path, str(link)])
    assert (engine.check(), daemon.asked) == (None, 1)


def test_a_known_container_is_not_asked_for_again_and_no_container_never(serve: Serve) -> None:
    daemon, clock = Counting(ROW), Clock()
    engine = Engine([serve(daemon)], clock)
    assert engine.look(set()) == {}
    assert engine.look({A}) == {A: DESCRIBED}
    clock.now_s += 1000
    assert engine.look({A}) == {A: DESCRIBED}
    assert daemon.asked == 1


def test_a_new_container_is_asked_for_once_a_second_at_most(serve: Serve) -> None:
    daemon, clock = Counting(ROW), Clock()
    engine = Engine([serve(daemon)], clock)
    engine.look({A})
    daemon.rows = (ROW, {"Id": B, "Names": ["new"]})
    clock.now_s += 0.9
    assert set(engine.look({A, B})) == {A}
    clock.now_s += 0.2
    assert set(engine.look({A, B})) == {A, B}


def test_a_container_that_no_answer_holds_is_asked_for_ever_more_seldom(serve: Serve) -> None:
    daemon, clock = Counting(ROW), Clock()
    engine = Engine([serve(daemon)], clock)
    for _ in range(600):
        engine.look({B})
        clock.now_s += 0.2
    assert 4 <= daemon.asked <= 9


def test_after_a_failure_there_is_a_pause_of_half_a_minute(serve: Serve) -> None:
    asked: list[None] = []
    answers = [b"rubbish", GOOD]

    def act(connection: socket.socket) -> None:
        asked.append(None)
        sends(answers[min(len(asked), 2) - 1])(connection)

    clock = Clock()
    engine = Engine([path := serve(act)], clock)
    assert engine.look({A}) == {}
    assert engine.reason == f"{path} answered with something else than HTTP"
    clock.now_s += 29
    engine.look({A})
    assert len(asked) == 1
    clock.now_s += 2
    assert engine.look({A}) == {A: DESCRIBED}
    assert engine.reason is None


def test_a_container_that_is_gone_is_forgotten(serve: Serve) -> None:
    daemon, clock = Counting(ROW), Clock()
    engine = Engine([serve(daemon)], clock)
    engine.look({A})
    engine.look(set())
    daemon.rows = ()
    clock.now_s += 5
    assert engine.look({A}) == {}
