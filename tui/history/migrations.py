"""How the tables of a history came to be. The collector alone brings a file up to date; readers only look.

Shape: one narrow row a connection, whose repeated parts (destination, origin, process, judgement, route) stand in
small tables of their own, and roll-ups that the screens read instead of the rows. Every row that a viewer follows
carries the ``revision`` of the commit that last wrote it.
"""

import sqlite3

from sqlite_utils import Database
from sqlite_utils.migrations import Migrations

from tui.history.schema import MIGRATION_SET, OPEN, OUTCOMES

migrations = Migrations(MIGRATION_SET)

_FIRST = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE run (
    id INTEGER PRIMARY KEY, revision INTEGER NOT NULL, started_us INTEGER NOT NULL, seen_us INTEGER NOT NULL,
    ended_us INTEGER, until_us INTEGER, kind TEXT NOT NULL, pid INTEGER NOT NULL, user TEXT NOT NULL,
    version TEXT NOT NULL);
CREATE TABLE coverage (
    id INTEGER PRIMARY KEY, revision INTEGER NOT NULL, source TEXT NOT NULL, namespace TEXT NOT NULL,
    from_us INTEGER NOT NULL, to_us INTEGER NOT NULL, growing INTEGER NOT NULL, note TEXT NOT NULL);
CREATE INDEX coverage_to ON coverage (to_us);
CREATE INDEX coverage_place ON coverage (source, namespace, to_us);
CREATE TABLE allowlist_revision (
    id INTEGER PRIMARY KEY, at_us INTEGER NOT NULL, fingerprint TEXT NOT NULL, rules TEXT NOT NULL);
CREATE TABLE answer (
    host TEXT NOT NULL, ip BLOB NOT NULL, from_us INTEGER NOT NULL, until_us INTEGER NOT NULL,
    PRIMARY KEY (host, ip, from_us)) WITHOUT ROWID;
CREATE TABLE destination (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL, port INTEGER NOT NULL, named INTEGER NOT NULL,
    UNIQUE (name, port, named));
CREATE TABLE origin (
    id INTEGER PRIMARY KEY, namespace TEXT NOT NULL, role TEXT, container TEXT, image TEXT);
CREATE TABLE process (
    id INTEGER PRIMARY KEY, pid INTEGER NOT NULL, name TEXT NOT NULL, user TEXT, started_us INTEGER NOT NULL);
CREATE INDEX process_identity ON process (pid, started_us);
CREATE TABLE judgement (
    id INTEGER PRIMARY KEY, category TEXT NOT NULL, service TEXT, evidence TEXT, candidates TEXT,
    verdict TEXT NOT NULL, rule TEXT, allowlist_revision INTEGER NOT NULL);
CREATE INDEX judgement_rule ON judgement (allowlist_revision, rule, category);
CREATE TABLE route (
    id INTEGER PRIMARY KEY, source TEXT NOT NULL, protocol TEXT NOT NULL, via TEXT, recorded TEXT NOT NULL);
CREATE TABLE outcome (id INTEGER PRIMARY KEY, word TEXT NOT NULL);
CREATE TABLE connection (
    id INTEGER PRIMARY KEY, revision INTEGER NOT NULL,
    opened_us INTEGER NOT NULL, opened_exact INTEGER NOT NULL, closed_us INTEGER, last_seen_us INTEGER NOT NULL,
    destination INTEGER NOT NULL, origin INTEGER NOT NULL, process INTEGER, judgement INTEGER NOT NULL,
    route INTEGER NOT NULL, outcome INTEGER NOT NULL,
    local_ip BLOB NOT NULL, local_port INTEGER NOT NULL, ip BLOB NOT NULL,
    bytes_sent INTEGER, bytes_received INTEGER);
CREATE INDEX connection_revision ON connection (revision);
CREATE INDEX connection_opened ON connection (opened_us);
CREATE INDEX connection_destination ON connection (destination);
CREATE INDEX connection_open ON connection (destination) WHERE outcome = 0;
CREATE TABLE facet (
    id INTEGER PRIMARY KEY, role TEXT, category TEXT NOT NULL, verdict TEXT NOT NULL, outcome TEXT NOT NULL);
CREATE TABLE hour (
    hour INTEGER NOT NULL, destination INTEGER NOT NULL, facet INTEGER NOT NULL, connections INTEGER NOT NULL,
    bytes_sent INTEGER, bytes_received INTEGER, first_us INTEGER NOT NULL, last_us INTEGER NOT NULL,
    revision INTEGER NOT NULL, PRIMARY KEY (hour, destination, facet)) WITHOUT ROWID;
CREATE INDEX hour_revision ON hour (revision);
CREATE INDEX hour_destination ON hour (destination);
CREATE TABLE minute (
    minute INTEGER NOT NULL, facet INTEGER NOT NULL, connections INTEGER NOT NULL,
    bytes_sent INTEGER, bytes_received INTEGER, PRIMARY KEY (minute, facet)) WITHOUT ROWID;
CREATE INDEX minute_facet ON minute (facet, minute) WHERE connections > 0;
CREATE TABLE alert (
    id INTEGER PRIMARY KEY, revision INTEGER NOT NULL, kind TEXT NOT NULL, cause TEXT NOT NULL, urgency TEXT NOT NULL,
    summary TEXT NOT NULL, role TEXT, destination TEXT, port INTEGER, count INTEGER NOT NULL,
    first_us INTEGER NOT NULL, last_us INTEGER NOT NULL, resolved_us INTEGER, resolution TEXT);
CREATE UNIQUE INDEX alert_open ON alert (cause) WHERE resolved_us IS NULL;
CREATE INDEX alert_revision ON alert (revision);
CREATE VIEW recorded AS
SELECT c.id, c.revision, c.opened_us, c.opened_exact, c.closed_us,
    CASE WHEN c.outcome = 0 THEN max(c.last_seen_us, coalesce((SELECT max(g.to_us) FROM coverage g
        WHERE g.source = 'sockets' AND g.namespace = o.namespace), 0)) ELSE c.last_seen_us END AS last_seen_us,
    r.source, r.protocol,
    c.local_ip, c.local_port, c.ip, d.port, CASE WHEN d.named THEN d.name END AS host, d.name AS destination,
    c.destination AS destination_id, j.evidence, j.candidates, j.category, j.service, j.verdict, j.rule,
    j.allowlist_revision, x.word AS outcome, c.bytes_sent, c.bytes_received, p.pid, p.name AS process, p.user,
    p.started_us, o.container, o.role, o.namespace, r.via, o.image, r.recorded
FROM connection c JOIN destination d ON d.id = c.destination JOIN origin o ON o.id = c.origin
    JOIN judgement j ON j.id = c.judgement JOIN route r ON r.id = c.route JOIN outcome x ON x.id = c.outcome
    LEFT JOIN process p ON p.id = c.process;
"""


_SECOND = f"""
ALTER TABLE coverage ADD COLUMN gone INTEGER NOT NULL DEFAULT 0;
CREATE INDEX coverage_there ON coverage (source, namespace) WHERE NOT gone;
CREATE TABLE loss (
    id INTEGER PRIMARY KEY, revision INTEGER NOT NULL, source TEXT NOT NULL, namespaces TEXT NOT NULL,
    from_us INTEGER NOT NULL, to_us INTEGER NOT NULL, events INTEGER NOT NULL);
CREATE INDEX loss_to ON loss (source, to_us);
CREATE TABLE counter (id INTEGER PRIMARY KEY, bytes_sent INTEGER, bytes_received INTEGER);
CREATE TABLE workload (
    id INTEGER PRIMARY KEY, revision INTEGER NOT NULL, namespace TEXT NOT NULL, kind TEXT NOT NULL, container_id TEXT,
    container TEXT, role TEXT, image TEXT, project TEXT, described INTEGER NOT NULL, pid INTEGER NOT NULL,
    proxy TEXT NOT NULL, started_us INTEGER NOT NULL, gone_us INTEGER);
CREATE INDEX workload_started ON workload (started_us);
CREATE INDEX workload_there ON workload (namespace) WHERE gone_us IS NULL;
ALTER TABLE hour ADD COLUMN failed INTEGER NOT NULL DEFAULT 0;
ALTER TABLE hour ADD COLUMN failed_us INTEGER;
ALTER TABLE hour ADD COLUMN reached_us INTEGER;
UPDATE hour SET failed = connections, failed_us = last_us WHERE facet IN (SELECT id FROM facet WHERE outcome IN
    ('refused', 'timed-out', 'unreachable', 'no-reply', 'denied', 'failed'));
UPDATE hour SET reached_us = last_us WHERE facet IN (SELECT id FROM facet WHERE outcome = 'closed');
DROP INDEX connection_open;
CREATE INDEX connection_open ON connection (destination) WHERE outcome IN ({OPEN});
DROP VIEW recorded;
CREATE VIEW recorded AS
SELECT c.id, c.revision, c.opened_us, c.opened_exact, c.closed_us,
    CASE WHEN c.outcome IN ({OPEN}) THEN max(c.last_seen_us, coalesce((SELECT max(g.to_us) FROM coverage g
        WHERE g.source = 'sockets' AND g.namespace = o.namespace), 0)) ELSE c.last_seen_us END AS last_seen_us,
    r.source, r.protocol,
    c.local_ip, c.local_port, c.ip, d.port, CASE WHEN d.named THEN d.name END AS host, d.name AS destination,
    c.destination AS destination_id, j.evidence, j.candidates, j.category, j.service, j.verdict, j.rule,
    j.allowlist_revision, x.word AS outcome,
    CASE WHEN c.outcome IN ({OPEN}) THEN coalesce((SELECT k.bytes_sent FROM counter k WHERE k.id = c.id), c.bytes_sent)
        ELSE c.bytes_sent END AS bytes_sent,
    CASE WHEN c.outcome IN ({OPEN}) THEN coalesce((SELECT k.bytes_received FROM counter k WHERE k.id = c.id),
        c.bytes_received) ELSE c.bytes_received END AS bytes_received,
    p.pid, p.name AS process, p.user,
    p.started_us, o.container, o.role, o.namespace, r.via, o.image, r.recorded
FROM connection c JOIN destination d ON d.id = c.destination JOIN origin o ON o.id = c.origin
    JOIN judgement j ON j.id = c.judgement JOIN route r ON r.id = c.route JOIN outcome x ON x.id = c.outcome
    LEFT JOIN process p ON p.id = c.process;
"""  # noqa: S608


_THIRD = f"""
DROP VIEW recorded;
ALTER TABLE answer RENAME TO answer_of_ours;
CREATE TABLE answer (
    ip BLOB NOT NULL, namespace TEXT NOT NULL, host TEXT NOT NULL, evidence TEXT NOT NULL,
    from_us INTEGER NOT NULL, until_us INTEGER NOT NULL,
    PRIMARY KEY (ip, namespace, host, evidence, from_us)) WITHOUT ROWID;
INSERT INTO answer (ip, namespace, host, evidence, from_us, until_us)
    SELECT ip, '', host, 'forward', from_us, until_us FROM answer_of_ours ORDER BY ip, host, from_us;
DROP TABLE answer_of_ours;
CREATE INDEX answer_host ON answer (host);
CREATE INDEX answer_until ON answer (until_us);
CREATE INDEX answer_reverse ON answer (ip, until_us) WHERE evidence = 'reverse';
ALTER TABLE connection ADD COLUMN connect_us INTEGER;
ALTER TABLE connection ADD COLUMN phase TEXT;
ALTER TABLE judgement ADD COLUMN claim TEXT;
ALTER TABLE judgement ADD COLUMN is_outer INTEGER NOT NULL DEFAULT 0;
CREATE VIEW recorded AS
SELECT c.id, c.revision, c.opened_us, c.opened_exact, c.closed_us,
    CASE WHEN c.outcome IN ({OPEN}) THEN max(c.last_seen_us, coalesce((SELECT max(g.to_us) FROM coverage g
        WHERE g.source = 'sockets' AND g.namespace = o.namespace), 0)) ELSE c.last_seen_us END AS last_seen_us,
    c.connect_us, c.phase, r.source, r.protocol,
    c.local_ip, c.local_port, c.ip, d.port, CASE WHEN d.named THEN d.name END AS host, d.name AS destination,
    c.destination AS destination_id, j.evidence, j.candidates, j.claim, j.is_outer,
    CASE WHEN NOT d.named AND j.candidates IS NULL AND j.evidence IS NULL THEN (SELECT a.host FROM answer a
        WHERE a.ip = c.ip AND a.evidence = 'reverse' ORDER BY a.until_us DESC LIMIT 1) END AS reverse,
    j.category, j.service, j.verdict, j.rule,
    j.allowlist_revision, x.word AS outcome,
    CASE WHEN c.outcome IN ({OPEN}) THEN coalesce((SELECT k.bytes_sent FROM counter k WHERE k.id = c.id), c.bytes_sent)
        ELSE c.bytes_sent END AS bytes_sent,
    CASE WHEN c.outcome IN ({OPEN}) THEN coalesce((SELECT k.bytes_received FROM counter k WHERE k.id = c.id),
        c.bytes_received) ELSE c.bytes_received END AS bytes_received,
    p.pid, p.name AS process, p.user,
    p.started_us, o.container, o.role, o.namespace, r.via, o.image, r.recorded
FROM connection c JOIN destination d ON d.id = c.destination JOIN origin o ON o.id = c.origin
    JOIN judgement j ON j.id = c.judgement JOIN route r ON r.id = c.route JOIN outcome x ON x.id = c.outcome
    LEFT JOIN process p ON p.id = c.process;
"""  # noqa: S608


_FOURTH = f"""
DROP VIEW recorded;
CREATE TABLE proxy_log (
    path TEXT PRIMARY KEY, revision INTEGER NOT NULL, marks BLOB, reader BLOB NOT NULL, read_us INTEGER NOT NULL,
    state TEXT NOT NULL, formats TEXT NOT NULL, lacks TEXT NOT NULL, lines INTEGER NOT NULL,
    requests INTEGER NOT NULL, unparsed INTEGER NOT NULL, last_unparsed TEXT NOT NULL, lag INTEGER NOT NULL);
CREATE TABLE request (hour INTEGER, hash INTEGER, connection INTEGER, PRIMARY KEY (hour, hash)) WITHOUT ROWID;
ALTER TABLE route ADD COLUMN reason TEXT;
CREATE INDEX route_reason ON route (reason, via);
ALTER TABLE loss ADD COLUMN note TEXT NOT NULL DEFAULT '';
CREATE VIEW recorded AS
SELECT c.id, c.revision, c.opened_us, c.opened_exact, c.closed_us,
    CASE WHEN c.outcome IN ({OPEN}) THEN max(c.last_seen_us, coalesce((SELECT max(g.to_us) FROM coverage g
        WHERE g.source = 'sockets' AND g.namespace = o.namespace), 0)) ELSE c.last_seen_us END AS last_seen_us,
    c.connect_us, c.phase, r.source, r.protocol,
    c.local_ip, c.local_port, c.ip, d.port, CASE WHEN d.named THEN d.name END AS host, d.name AS destination,
    c.destination AS destination_id, j.evidence, j.candidates, j.claim, j.is_outer,
    CASE WHEN NOT d.named AND j.candidates IS NULL AND j.evidence IS NULL THEN (SELECT a.host FROM answer a
        WHERE a.ip = c.ip AND a.evidence = 'reverse' ORDER BY a.until_us DESC LIMIT 1) END AS reverse,
    j.category, j.service, j.verdict, j.rule,
    j.allowlist_revision, x.word AS outcome,
    CASE WHEN c.outcome IN ({OPEN}) THEN coalesce((SELECT k.bytes_sent FROM counter k WHERE k.id = c.id), c.bytes_sent)
        ELSE c.bytes_sent END AS bytes_sent,
    CASE WHEN c.outcome IN ({OPEN}) THEN coalesce((SELECT k.bytes_received FROM counter k WHERE k.id = c.id),
        c.bytes_received) ELSE c.bytes_received END AS bytes_received,
    p.pid, p.name AS process, p.user,
    p.started_us, o.container, o.role, o.namespace, r.via, r.reason, o.image, r.recorded
FROM connection c JOIN destination d ON d.id = c.destination JOIN origin o ON o.id = c.origin
    JOIN judgement j ON j.id = c.judgement JOIN route r ON r.id = c.route JOIN outcome x ON x.id = c.outcome
    LEFT JOIN process p ON p.id = c.process;
"""  # noqa: S608


def _run(db: Database, statements: str) -> None:
    for statement in statements.split(";\n"):
        if statement.strip():
            db.execute(statement)


def _number_outcomes(db: Database) -> None:
    rows = ({"id": place, "word": word.value} for place, word in enumerate(OUTCOMES))
    db.table("outcome").insert_all(rows, ignore=True)


@migrations()
def m001_first(db: Database) -> None:
    """The tables of the first version."""
    _run(db, _FIRST)
    _number_outcomes(db)


@migrations()
def m002_every_namespace(db: Database) -> None:
    """Workloads, losses, bytes of what is open, attempts that hang, and namespaces that have ended."""
    _run(db, _SECOND)
    _number_outcomes(db)


@migrations()
def m003_names(db: Database) -> None:
    """Names that namespaces got, beside our own look-ups; handshakes, and what the client itself claims."""
    _run(db, _THIRD)


@migrations()
def m004_proxy_logs(db: Database) -> None:
    """How far the logs of proxies were read, and which of their requests are recorded."""
    _run(db, _FOURTH)


def migrate(connection: sqlite3.Connection) -> None:
    """Bring a history that ``refuse_strange`` let pass to this version's schema."""
    migrations.apply(Database(connection))
