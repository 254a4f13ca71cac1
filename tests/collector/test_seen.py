"""What is told of what could not be seen: losses, namespaces that cannot be looked into, and those that have ended."""

from collections.abc import Iterable

from tests.collector.build import watches
from tests.history.sample import MINUTE_US, START_US, span
from tui.collector.alerts import LOST
from tui.collector.coverage import Coverage
from tui.collector.seen import Seen
from tui.history.batch import Batch, CoverageSpan, KeptLoss
from tui.history.spans import Watched, holes
from tui.model.alert import Alert, AlertKind
from tui.model.connection import Origin
from tui.model.observation import Dump, Loss, Sighting

HOST, API = "net:[1]", "net:[2]"
RESIDENTS = {HOST: Origin(HOST), API: Origin(API, "api", "retool-api-1")}


class Seeing:
    """The coverage of a collector, minute by minute, and what of it has been handed over."""

    def __init__(self, *past: CoverageSpan, alerts: Iterable[Alert] = ()) -> None:
        self.seen = Seen(Coverage(len(past) + 1), 1, past)
        self.watches = watches(alerts)
        self.spans: dict[int, CoverageSpan] = {}
        self.losses: dict[int, KeptLoss] = {}
        self.alerts: dict[str, Alert] = {alert.cause: alert for alert in alerts}

    def take(self, minute: float, *namespaces: str, gone: tuple[str, ...] = (), losses: tuple[Loss, ...] = (),
             faults: dict[str, str] | None = None) -> None:  # fmt: skip
        dumps = tuple(Dump(at(minute), each, (), frozenset(), {}, 0) for each in namespaces)
        sighting = Sighting(at(minute), dumps=dumps, losses=losses, residents=RESIDENTS, gone=gone, faults=faults)
        self.seen.take(sighting, self.watches)
        self.hand_over()

    def hand_over(self) -> None:
        batch = Batch()
        self.seen.add_to(batch)
        self.spans |= batch.coverage
        self.losses |= batch.losses
        self.alerts |= {alert.cause: alert for alert in self.watches.take().values()}

    def of(self, namespace: str) -> list[CoverageSpan]:
        return [each for each in self.spans.values() if each.namespace == namespace]


def at(minute: float) -> int:
    return START_US + round(minute * MINUTE_US)


def lost(minute: float, events: int = 5, *namespaces: str) -> Loss:
    return Loss(at(minute) - 1000, at(minute), namespaces or (HOST, API), events)


def test_every_namespace_that_is_looked_into_has_a_span_of_its_own_that_grows() -> None:
    seeing = Seeing()
    seeing.take(0, HOST, API)
    seeing.seen.beat(at(1))
    seeing.hand_over()
    assert {(each.namespace, each.from_us, each.to_us, each.growing) for each in seeing.spans.values()} == {
        (HOST, at(0), at(1), True),
        (API, at(0), at(1), True),
    }


def test_a_namespace_that_has_ended_is_no_hole() -> None:
    seeing = Seeing()
    seeing.take(0, HOST, API)
    seeing.take(1, HOST, gone=(API,))
    (ended,) = seeing.of(API)
    assert (ended.growing, ended.gone, ended.to_us) == (False, True, at(1))
    assert seeing.seen.covered_since_us == at(0)
    assert seeing.alerts == {}


def test_a_loss_is_recorded_exactly_and_told_with_its_number_and_whose_it_may_be() -> None:
    seeing = Seeing()
    seeing.take(0, HOST, API)
    seeing.take(1, HOST, API, losses=(lost(1, 4711),))
    assert seeing.losses == {1: KeptLoss(1, "sockets", (HOST, API), at(1) - 1000, at(1), 4711)}
    alert = seeing.alerts[LOST]
    assert (alert.kind, alert.is_open) == (AlertKind.COVERAGE, True)
    assert alert.summary.startswith("4711 ends of sockets were lost in the host or an unknown namespace or api: ")
    assert seeing.seen.covered_since_us == at(1)


def test_a_second_loss_is_another_one_and_counts_in_the_same_alert() -> None:
    seeing = Seeing()
    seeing.take(0, API, losses=(lost(0, 1, API),))
    assert seeing.alerts[LOST].summary.startswith("1 end of a socket was lost in api: ")
    seeing.take(1, API, losses=(lost(1, 2, API),))
    assert (sorted(seeing.losses), seeing.alerts[LOST].count) == ([1, 2], 2)


def test_an_hour_without_another_loss_ends_the_alert_and_not_the_hole() -> None:
    seeing = Seeing()
    seeing.take(0, API, losses=(lost(0),))
    seeing.take(60, API)
    assert seeing.alerts[LOST].is_open
    seeing.take(61, API)
    assert not seeing.alerts[LOST].is_open
    assert list(seeing.losses) == [1]


def test_an_alert_of_a_loss_that_an_earlier_collector_left_open_ends_too() -> None:
    before = Seeing()
    before.take(0, API, losses=(lost(0),))
    after = Seeing(alerts=[before.alerts[LOST]])
    after.take(30, API)
    assert after.alerts[LOST].is_open
    after.take(100, API)
    assert not after.alerts[LOST].is_open


def test_a_namespace_that_cannot_be_looked_into_is_told_once_with_whose_it_is_and_a_way_to_find_out() -> None:
    seeing = Seeing()
    seeing.take(0, HOST, faults={API: "Operation not permitted"})
    seeing.take(1, HOST, faults={API: "Operation not permitted"})
    (alert,) = seeing.alerts.values()
    assert (alert.kind, alert.cause, alert.count) == (AlertKind.COVERAGE, f"coverage|{API}", 1)
    assert alert.summary.startswith(f"the sockets of api ({API}) cannot be seen: Operation not permitted")
    assert "retool-egress doctor" in alert.summary
    assert seeing.seen.covered_since_us is None


def test_a_namespace_that_can_not_be_looked_into_any_more_is_a_hole_from_then_on() -> None:
    seeing = Seeing()
    seeing.take(0, HOST, API)
    seeing.take(1, HOST, faults={API: "no such device"})
    (ended,) = seeing.of(API)
    assert (ended.growing, ended.gone, ended.to_us) == (False, False, at(0))


def test_a_namespace_that_is_seen_again_ends_its_alert_and_covers_from_then_on() -> None:
    seeing = Seeing()
    seeing.take(0, HOST, API, faults={})
    seeing.take(1, HOST, faults={API: "Operation not permitted"})
    seeing.take(2, HOST, API, faults={})
    assert not seeing.alerts[f"coverage|{API}"].is_open
    assert [each.growing for each in seeing.of(API)] == [False, True]
    assert seeing.seen.covered_since_us == at(2)


def holes_of(seeing: Seeing, minute: float) -> list[tuple[tuple[str, ...], int, int]]:
    """The holes of one namespace alone up to a minute."""
    spans = [Watched(each.namespace, each.from_us, each.to_us, each.gone) for each in seeing.spans.values()]
    found = holes("sockets", spans, at(0), at(minute))
    return [(hole.namespaces, (hole.from_us - at(0)) // MINUTE_US, (hole.to_us - at(0)) // MINUTE_US) for hole in found]


def test_a_namespace_that_could_never_be_looked_into_is_a_hole_from_when_it_was_found() -> None:
    seeing = Seeing()
    seeing.take(0, HOST)
    seeing.take(2, HOST, faults={API: "Operation not permitted"})
    seeing.seen.beat(at(9))
    seeing.hand_over()
    assert holes_of(seeing, 9) == [((API,), 2, 9)]


def test_a_namespace_that_ends_while_it_cannot_be_looked_into_is_a_hole_until_then_and_no_longer() -> None:
    seeing = Seeing()
    seeing.take(0, HOST, API)
    seeing.take(2, HOST, faults={API: "Operation not permitted"})
    seeing.take(5, HOST, faults={})
    seeing.seen.beat(at(9))
    seeing.hand_over()
    assert holes_of(seeing, 9) == [((API,), 0, 5)]
    assert not seeing.alerts[f"coverage|{API}"].is_open


def test_faults_and_reasons_come_out_inert() -> None:
    seeing = Seeing()
    seeing.take(0, HOST, faults={API: "\x1b[2Jnot permitted"})
    assert "\x1b" not in seeing.alerts[f"coverage|{API}"].summary


def test_a_fault_alert_of_an_earlier_collector_ends_when_the_namespace_is_seen_or_has_ended() -> None:
    before = Seeing()
    before.take(0, HOST, faults={API: "Operation not permitted"})
    after = Seeing(alerts=before.alerts.values())
    after.take(10, HOST, API)
    assert not after.alerts[f"coverage|{API}"].is_open


def test_what_earlier_collectors_watched_and_is_not_there_any_more_ended_and_is_no_hole() -> None:
    seeing = Seeing(span(1, at(-60), at(-1), namespace=HOST), span(2, at(-60), at(-30), namespace="net:[7]"))
    seeing.take(0, HOST)
    assert [(each.id, each.gone, each.to_us) for each in seeing.of("net:[7]")] == [(2, True, at(-30))]
    assert all(not each.gone for each in seeing.of(HOST))


def test_what_earlier_collectors_watched_and_nobody_may_look_into_now_has_not_ended() -> None:
    seeing = Seeing(span(1, at(-60), at(-1), namespace=API))
    seeing.take(0, HOST, faults={API: "Operation not permitted"})
    assert [each for each in seeing.of(API) if each.gone] == []


def test_a_source_that_looks_into_one_namespace_says_nothing_of_the_end_of_others() -> None:
    seeing = Seeing(span(1, at(-60), at(-1), namespace=API))
    dump = Dump(at(0), HOST, (), frozenset(), {}, 0)
    seeing.seen.take(Sighting(at(0), dumps=(dump,), has_hidden=True), seeing.watches)
    seeing.hand_over()
    assert [each for each in seeing.of(API) if each.gone] == []


def test_where_namespaces_may_be_hidden_nothing_is_known_to_be_covered() -> None:
    """Who becomes nobody sees only its own namespace: the others are there still, and a licence check may be too."""
    seeing = Seeing(span(1, at(-60), at(-1), namespace=API))
    dump = Dump(at(0), HOST, (), frozenset(), {}, 0)
    seeing.seen.take(Sighting(at(0), dumps=(dump,), residents=RESIDENTS, has_hidden=True), seeing.watches)
    seeing.hand_over()
    assert seeing.of(API) == []
    assert seeing.seen.covered_since_us is None


def test_what_changed_is_handed_over_once() -> None:
    seeing = Seeing()
    seeing.take(0, HOST, losses=(lost(0),))
    again = Batch()
    seeing.seen.add_to(again)
    assert not again


def test_looking_away_ends_every_span_of_a_source_and_its_cover() -> None:
    seeing = Seeing()
    seeing.take(0, HOST, API)
    seeing.seen.watched("names", HOST, at(0), "")
    seeing.seen.looked_away("sockets")
    seeing.hand_over()
    assert {(each.source, each.growing) for each in seeing.spans.values()} == {("sockets", False), ("names", True)}
    assert seeing.seen.covered_since_us is None
    seeing.take(5, HOST, API)
    assert seeing.seen.covered_since_us == at(5)
