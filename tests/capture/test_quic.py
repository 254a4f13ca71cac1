"""Names in QUIC: what clients seal by the RFCs' published keys is read, and nothing else is."""

import os
import random
import time
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.capture.fuzzed import mutations
from tests.capture.quic_packets import (
    ACK,
    CLOSE,
    HANDSHAKE,
    PADDING,
    PING,
    SERVER,
    V1,
    V2,
    ZERO_RTT,
    Client,
    crypto,
    cut,
    number,
)
from tests.capture.quic_vectors import VERSION_1, VERSION_2
from tests.capture.test_names_in_packets import hello as tls_hello
from tui.capture.client_hello import Hello
from tui.capture.quic import CONNECTIONS_MAX, CRYPTO_MAX, TRIES_MAX, Initials, may_begin

HOST = "licensing.tryretool.com"
OTHER = "api.openai.com"
NAMED = Hello(HOST, False)
CALLED = b"\xab" * 8
"""The connection ID that a server has chosen for itself."""
FEW = random.Random(4)


def hello(name: str | None = HOST) -> bytes:
    """A ClientHello without a TLS record around it."""
    return tls_hello(name)[5:]


def extended(whole: bytes, *extensions: bytes) -> bytes:
    """A hello with these extensions before its own."""
    at = 4 + 2 + 32
    at += 1 + whole[at]
    at += 2 + int.from_bytes(whole[at : at + 2])
    at += 1 + whole[at]
    body = whole[4:at] + (len(whole) - at - 2 + len(b"".join(extensions))).to_bytes(2)
    body += b"".join(extensions) + whole[at + 2 :]
    return b"\x01" + len(body).to_bytes(3) + body


WHOLE = hello()
ONE = Client().sealed(crypto(WHOLE), size=1200)
VERSIONS = pytest.mark.parametrize("client", [Client(V1), Client(V2)], ids=["v1", "v2"])


def read(datagrams: Sequence[bytes], initials: Initials | None = None) -> list[Hello]:
    """The hellos that are told, in order."""
    taking = initials or Initials()
    return [found for datagram in datagrams if (found := taking.take(datagram)) is not None]


@pytest.mark.parametrize("packet", [VERSION_1, VERSION_2], ids=["RFC 9001", "RFC 9369"])
def test_the_rfcs_own_packet_is_read(packet: bytes) -> None:
    assert may_begin(packet)
    assert read([packet]) == [Hello("example.com", False)]


@VERSIONS
def test_a_hello_in_two_datagrams_is_told_once_it_is_whole(client: Client) -> None:
    first, second = cut(WHOLE, 200)
    initials = Initials()
    assert initials.take(client.sealed(first, size=1200)) is None
    assert initials.take(client.sealed(second, packet=1, size=1200)) == NAMED


@VERSIONS
@pytest.mark.parametrize("order", [(2, 0, 1), (1, 2, 0), (2, 1, 0)])
def test_parts_that_come_in_any_order_are_put_together(client: Client, order: tuple[int, ...]) -> None:
    parts = cut(WHOLE, 60, 250)
    assert read([client.sealed(parts[n], packet=n, size=1200) for n in order]) == [NAMED]


def test_many_small_parts_in_one_packet_among_other_frames_are_put_together() -> None:
    """As clients do that keep middleboxes from getting used to how a hello looks."""
    parts = cut(WHOLE, *range(20, len(WHOLE), 20))
    FEW.shuffle(parts)
    frames = b"".join(part + PING + PADDING * 3 + ACK for part in parts)
    assert read([Client().sealed(frames)]) == [NAMED]


def test_parts_that_overlap_or_come_again_do_no_harm() -> None:
    frames = crypto(WHOLE[:200]) + crypto(WHOLE[100:300], 100) + crypto(WHOLE[50:150], 50) + crypto(WHOLE[250:], 250)
    assert read([Client().sealed(frames), Client().sealed(frames, packet=1)]) == [NAMED]


def test_a_middle_that_never_comes_gives_the_name_where_that_has_come_and_none_elsewhere() -> None:
    name_ends = WHOLE.index(HOST.encode()) + len(HOST)
    first, _, last = cut(WHOLE, name_ends, name_ends + 30)
    for parts, found in (((first, last), NAMED), ((last,), None)):
        initials = Initials()
        assert read([Client().sealed(part, packet=n) for n, part in enumerate(parts)], initials) == []
        assert initials.give_up() == found


def test_an_acknowledgement_with_ranges_and_counts_is_passed_over() -> None:
    ranges = b"\x03" + number(900) + number(70_000) + number(2) + number(0) + number(5) * 4 + number(7) * 3
    assert read([Client().sealed(ranges + crypto(WHOLE))]) == [NAMED]


def test_what_follows_a_close_or_an_unknown_frame_is_not_read() -> None:
    for frame in (CLOSE, b"\x08\x00\x01a", b"\x40\x06"):
        assert read([Client().sealed(frame + crypto(WHOLE))]) == []


@VERSIONS
def test_of_packets_that_share_a_datagram_every_initial_one_counts(client: Client) -> None:
    first, second = cut(WHOLE, 200)
    early = client.sealed(b"\x0a" + os.urandom(60), kind=ZERO_RTT)
    later = client.sealed(PING, kind=HANDSHAKE)
    assert read([client.sealed(first) + early + client.sealed(second, packet=1) + later]) == [NAMED]


def test_of_packets_to_another_id_in_one_datagram_only_the_first_counts() -> None:
    for other in (Client(keys_of=CALLED).sealed(crypto(WHOLE)), Client().sealed(crypto(WHOLE), to=CALLED)):
        assert read([Client().sealed(PING) + other]) == []


def test_datagrams_that_the_network_card_is_left_to_cut_are_read_as_one() -> None:
    first, second = cut(WHOLE, 200)
    assert read([Client().sealed(first, size=1200) + Client().sealed(second, packet=1, size=1200)]) == [NAMED]


def test_a_token_is_passed_over() -> None:
    assert read([Client().sealed(crypto(WHOLE), token=os.urandom(200))]) == [NAMED]


@pytest.mark.parametrize("size", [1, 2, 3, 4])
def test_packet_numbers_of_any_length_are_read(size: int) -> None:
    assert read([Client().sealed(crypto(WHOLE), packet=200, number_size=size)]) == [NAMED]


@pytest.mark.parametrize("server", [b"", b"\x07", b"\x07" * 20])
def test_connection_ids_of_any_length_are_read_up_to_20_bytes(server: bytes) -> None:
    assert read([Client(keys_of=server).sealed(crypto(WHOLE))]) == [NAMED]
    assert read([Client(keys_of=server + b"\x07" * 20).sealed(crypto(WHOLE))]) == [NAMED] * (not server)


def test_after_the_servers_answer_the_keys_stay_and_its_new_id_misleads_nobody() -> None:
    first, second = cut(WHOLE, 200)
    initials = Initials()
    answered = Client().sealed(ACK + second, to=CALLED, packet=1)
    assert read([Client().sealed(first), answered], initials) == [NAMED]
    assert read([Client().sealed(ACK, to=CALLED, packet=2)], initials) == []


def test_after_a_retry_the_keys_are_those_of_the_id_that_it_gave() -> None:
    first, second = cut(WHOLE, 200)
    again = Client(keys_of=CALLED)
    initials = Initials()
    assert read([Client().sealed(first)], initials) == []
    told = read([again.sealed(first, token=b"t"), again.sealed(second, token=b"t", packet=1)], initials)
    assert told == [NAMED]


def test_connections_of_one_socket_are_told_apart_also_when_their_packets_mix() -> None:
    one, two = cut(WHOLE, 200), cut(hello(OTHER), 150)
    other = Client(keys_of=CALLED)
    mixed = [Client().sealed(one[0]), other.sealed(two[0]), Client().sealed(one[1], packet=1), other.sealed(two[1])]
    assert read(mixed) == [NAMED, Hello(OTHER, False)]


def test_a_hello_that_is_sent_again_is_told_once() -> None:
    initials = Initials()
    assert read([ONE, ONE, Client().sealed(crypto(WHOLE), packet=7)] * TRIES_MAX, initials) == [NAMED]
    assert read([Client(keys_of=CALLED).sealed(crypto(WHOLE))], initials) == [NAMED]


def test_a_version_that_is_not_known_begins_a_connection_without_a_name() -> None:
    for version in (0xFF00001D, 0x1A2A3A4A, 0x00000002):
        packet = ONE[:1] + version.to_bytes(4) + ONE[5:]
        assert may_begin(packet)
        assert read([packet]) == []


def test_packets_that_were_sealed_with_other_keys_are_not_read() -> None:
    assert read([Client(keys_of=CALLED).sealed(crypto(WHOLE), to=SERVER)]) == []
    assert read([Client(V1).sealed(crypto(WHOLE), salted_as=V2)]) == []


@VERSIONS
def test_a_packet_that_is_damaged_in_one_bit_is_not_read(client: Client) -> None:
    packet = client.sealed(crypto(WHOLE))
    for at in FEW.sample(range(len(packet)), 120):
        damaged = bytearray(packet)
        damaged[at] ^= 0x01
        assert read([bytes(damaged)]) == [], at


@VERSIONS
def test_a_packet_that_is_cut_anywhere_is_not_read(client: Client) -> None:
    packet = client.sealed(crypto(WHOLE))
    assert [size for size in range(len(packet)) if read([packet[:size]])] == []


def test_a_grease_extension_and_an_encrypted_hello_are_what_they_are_in_tls() -> None:
    grease, encrypted = b"\x1a\x1a\x00\x01\x00", b"\xfe\x0d\x00\x01\x00"
    assert read([Client().sealed(crypto(extended(WHOLE, grease)))]) == [NAMED]
    assert read([Client().sealed(crypto(extended(WHOLE, grease, encrypted)))]) == [Hello(HOST, True)]


def test_a_client_that_names_no_server_is_told_to_name_none() -> None:
    assert read([Client().sealed(crypto(hello(None)))]) == [Hello(None, False)]


def test_what_is_no_hello_is_told_as_none_and_ends_the_matter() -> None:
    assert read([Client().sealed(crypto(b"\x02" + WHOLE[1:])), ONE]) == []


@pytest.mark.parametrize("data", [
    b"", b"\xc0", ONE[:6], b"\x40" + ONE[1:], b"\xc0" + bytes(1199), b"\xc0\x00\x00\x00\x01\xff" + bytes(100),
])  # fmt: skip
def test_what_cannot_begin_a_connection_is_told_from_what_may(data: bytes) -> None:
    assert not may_begin(data)
    assert read([data]) == []


@pytest.mark.parametrize("size", range(21))
def test_a_packet_without_room_for_a_number_and_a_seal_is_not_read(size: int) -> None:
    assert read([ONE[:14] + b"\x00\x00" + bytes([size]) + bytes(size)]) == []


def test_bytes_beyond_the_longest_hello_are_not_kept() -> None:
    size = CRYPTO_MAX + 1
    long = b"\x01" + (size - 4).to_bytes(3) + bytes(size - 4)
    initials = Initials()
    sent = [Client().sealed(crypto(long[at : at + 1000], at), packet=at) for at in range(0, size, 1000)]
    assert read(sent, initials) == []
    assert read([Client().sealed(crypto(b"x", 2**62 - 1), packet=9)], initials) == []
    assert sum(len(each._data) for each in initials._connections.values()) <= CRYPTO_MAX


def test_after_so_many_packets_in_vain_no_more_are_opened() -> None:
    initials = Initials()
    assert read([Client().sealed(PING, packet=n) for n in range(TRIES_MAX)], initials) == []
    assert read([ONE], initials) == []


def test_a_socket_that_begins_connection_after_connection_is_read_for_ever_and_few_are_kept() -> None:
    initials = Initials()
    sent = [Client(keys_of=n.to_bytes(8)).sealed(crypto(WHOLE)) for n in range(3 * TRIES_MAX)]
    assert read(sent, initials) == [NAMED] * len(sent)
    assert len(initials._connections) <= CONNECTIONS_MAX


WORST: dict[str, Callable[[], bytes]] = {
    "frames": lambda: Client().sealed(crypto(b"x") * 12_000),
    "padding and pings": lambda: Client().sealed(b"\x00\x01" * 8_000),
    "packets": lambda: (ONE[:1] + b"\x00\x00\x00\x01\x08" + SERVER + b"\x00\x00\x40\x14" + bytes(20)) * 1_600,
    "empty packets": lambda: (ONE[:1] + b"\x00\x00\x00\x01\x08" + SERVER + b"\x00\x00\x00") * 3_500,
    "ranges": lambda: Client().sealed(b"\x02\x00\x00" + number(2**60) + bytes(15_000)),
}


@pytest.mark.parametrize("worst", WORST.values(), ids=WORST)
def test_a_hostile_packet_takes_little_time(worst: Callable[[], bytes]) -> None:
    packet = worst()
    begun = time.process_time()
    for _ in range(10):
        assert read([packet]) == []
    assert time.process_time() - begun < 0.5


@given(st.binary(max_size=300) | mutations([VERSION_1, VERSION_2, ONE[:300]]))
def test_any_bytes_are_survived(data: bytes) -> None:
    may_begin(data)
    initials = Initials()
    initials.take(data)
    initials.give_up()


@given(st.binary(max_size=200) | mutations([crypto(WHOLE), ACK + PING + crypto(WHOLE[:90])]))
def test_any_sealed_bytes_are_survived(frames: bytes) -> None:
    initials = Initials()
    initials.take(Client().sealed(frames))
    initials.give_up()
