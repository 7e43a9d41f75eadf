"""The scenarios of the matrix, asked of one client through its adapter. No client's own API lives here.

An adapter (one module per client) has:
  LEVELS                            {level: None or the reason why this client cannot do it}
  SHOWS                             which of number, state, class, line the client's errors show
  REASONS                           {scenario: reason} for what the client has no way to do
  connect(server, level, packet_size=None, password=None) -> connection
  query(connection, sql, parameters=None) -> list of result sets, each a list of rows of Python values or texts
  describe(exception) -> {number, state, class, line, message} as far as shown
and, unless REASONS says why not: begin, rollback, cancel(connection, sql), reset(connection) -> connection.
"""

import datetime
import decimal
import json
import os
import pathlib
import subprocess
import sys
import time
import traceback
import uuid

LOGIN_LEVELS = {
    "clear": ("OPEN", "FALSE"),
    "clear_without_tls": ("WITHOUT_TLS", "FALSE"),
    "login_only": ("OPEN", "FALSE"),
    "full": ("OPEN", "TRUE"),
    "forced": ("FORCED", "TRUE"),
    "strict": ("STRICT", "TRUE"),
}


class Unsupported(Exception):
    """The client has no way to do this; the text is the reason."""


class Wrong(Exception):
    """The client got something else than it should."""


class Server:
    """One instance of the fleet, with what is needed to log in to it."""

    def __init__(self, entry, login, ca, scratch):
        self.name, self.host, self.port = entry["name"], "localhost", entry["port"]
        self.user, self.password, self.ca, self.scratch = login["user"], login["password"], ca, scratch


def canonical(value):
    """A value as the text that scenarios.json expects."""
    if value is None:
        return None
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value).hex().upper()
    if isinstance(value, datetime.datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S.") + f"{value.microsecond // 1000:03d}"
    if isinstance(value, uuid.UUID):
        return str(value).upper()
    if isinstance(value, decimal.Decimal):
        return format(value, "f")
    return str(value)


def check(found, wanted, what):
    if found != wanted:
        raise Wrong(f"{what}: found {str(found)[:200]!r}, wanted {str(wanted)[:200]!r}")


class Matrix:
    def __init__(self, client, papers, arguments):
        here = pathlib.Path(__file__).resolve().parent.parent
        self.client, self.arguments = client, arguments
        self.ask = json.loads((here / "scenarios.json").read_text())
        fleet = json.loads((papers / "fleet.json").read_text())
        ca = os.environ.get("MATRIX_CA") or str((papers / "ca.pem").resolve())
        self.servers = {e["name"]: Server(e, self.ask["login"], ca, papers) for e in fleet}
        self.level = next(l for l in ("full", "login_only", "clear") if client.LEVELS[l] is None)

    def open(self, host="OPEN", **options):
        return self.client.connect(self.servers[host], options.pop("level", self.level), **options)

    def sets(self, connection, sql, parameters=None):
        return [[[canonical(v) for v in row] for row in rows] for rows in self.client.query(connection, sql, parameters)]

    def scalar(self, connection, sql, parameters=None):
        sets = [s for s in self.sets(connection, sql, parameters) if s]
        return sets[0][0][0] if sets else None

    def run(self, *only):
        """Prints one JSON line per scenario; the exit code is the caller's business."""
        jobs = [("login:" + level, lambda level=level: self.login(level)) for level in LOGIN_LEVELS]
        jobs += [(name, getattr(self, name)) for name in (
            "refused", "untrusted", "types", "variant", "parameter", "error", "syntax_error", "result_sets", "rollback",
            "cancel", "reset", "big_batch", "small_packets", "topic")]
        for name, job in [(name, job) for name, job in jobs if not only or name in only]:
            started = time.monotonic()
            try:
                level = name.partition(":")[2]
                reason = self.client.LEVELS[level] if level else self.client.REASONS.get(name)
                if reason:
                    raise Unsupported(reason)
                outcome, detail = "pass", job() or ""
            except Unsupported as reason:
                outcome, detail = "unsupported", str(reason)
            except Wrong as problem:
                outcome, detail = "fail", str(problem)
            except Exception as problem:  # whatever a client throws is a failed cell, never the end of the table
                if "MATRIX_TRACE" in os.environ:
                    traceback.print_exc()
                outcome, detail = "fail", f"{type(problem).__name__}: {problem}"
            seconds = round(time.monotonic() - started, 2)
            print(json.dumps({"scenario": name, "outcome": outcome, "detail": detail, "seconds": seconds}), flush=True)

    def login(self, level):
        host, encrypted = LOGIN_LEVELS[level]
        connection = self.open(host, level=level)
        who = self.ask["who"]
        [row] = self.sets(connection, who["sql"])[0]
        check(row, [who["user"], who["database"], encrypted], "who am I, where, encrypted")

    def refused(self):
        self.raises(lambda: self.open(password="not the password"), self.ask["refused"], line=False)

    def untrusted(self):
        """A server whose certificate another CA signed is not talked to."""
        if self.client.LEVELS["full"]:
            raise Unsupported(self.client.LEVELS["full"])
        papers = self.servers["OPEN"].scratch.resolve()
        # In a process of its own: some TLS libraries read the CA once.
        answer = subprocess.run([sys.executable, sys.argv[0], *self.arguments, str(papers), "login:full"], capture_output=True, text=True,
                                timeout=60, check=False, env={**os.environ, "MATRIX_CA": str(papers / "other-ca.pem")})
        check(json.loads(answer.stdout)["outcome"], "fail", "logging in to a server whose certificate another CA signed")

    def types(self):
        omitted = getattr(self.client, "OMIT_TYPES", {})
        alike = getattr(self.client, "alike", lambda name, value: value)
        asked = [t for t in self.ask["types"] if t["name"] not in omitted]
        sql = "SELECT " + ", ".join(f"{t['sql']} AS [{t['name']}]" for t in asked)
        [row] = self.sets(self.open(), sql)[0]
        for t, found in zip(asked, row, strict=True):
            check(found, alike(t["name"], t["value"]), t["name"])
        return "; ".join(f"without {name}: {reason}" for name, reason in omitted.items())

    def variant(self):
        [row] = self.sets(self.open(), self.ask["variant"]["sql"])[0]
        alike = getattr(self.client, "alike_variant", lambda value: value)
        check(row[0], alike(self.ask["variant"]["first"]), "sql_variant of an int")
        if not row[1]:
            raise Wrong("sql_variant of a text is empty")

    def parameter(self):
        asked = self.ask["parameter"]
        connection = self.open()
        for text in (asked["text"], "again " + asked["text"]):
            sets = self.client.query(connection, self.client.PARAMETER, (text, asked["number"]))
            [row] = [[canonical(v) for v in r] for r in sets[0]]
            check(row, [text, str(asked["number"])], "the parameters, sent and returned")

    def raises(self, act, wanted, line=True):
        try:
            act()
        except Exception as problem:
            found = self.client.describe(problem)
        else:
            raise Wrong("no error")
        parts = [p for p in ("number", "state", "class", "line") if p in self.client.SHOWS and (line or p != "line")]
        check({p: found.get(p) for p in parts}, {p: wanted[p] for p in parts}, "the error")
        if wanted["message"] not in found["message"]:
            raise Wrong(f"the error's text: {found['message']!r}")
        hidden = [p for p in ("number", "state", "class", "line") if p not in self.client.SHOWS]
        return f"not shown by the client: {', '.join(hidden)}" if hidden else ""

    def error(self, name="error"):
        connection = self.open()
        note = self.raises(lambda: self.client.query(connection, self.ask[name]["sql"]), self.ask[name])
        check(self.scalar(connection, self.ask["after_error"]["sql"]), self.ask["after_error"]["value"], "the query after it")
        return note

    def syntax_error(self):
        return self.error("syntax_error")

    def result_sets(self):
        asked = self.ask["result_sets"]
        check(self.sets(self.open(), asked["sql"]), asked["sets"], "the result sets")

    def rollback(self):
        asked = self.ask["rollback"]
        connection = self.open()
        self.client.begin(connection)
        check(self.scalar(connection, asked["depth"]), "1", "@@TRANCOUNT inside")
        self.client.query(connection, asked["create"])
        check(self.scalar(connection, asked["count"]), "1", "the login inside the transaction")
        self.client.rollback(connection)
        check(self.scalar(connection, asked["count"]), "0", "the login after the rollback")

    def cancel(self):
        asked = self.ask["cancel"]
        connection = self.open()
        started = time.monotonic()
        self.client.cancel(connection, asked["sql"])
        if time.monotonic() - started > asked["within_seconds"]:
            raise Wrong(f"the cancelled statement went on for {time.monotonic() - started:.0f} s")
        # More than one: a client that is one answer behind gets the first right.
        for sql, value in asked["then"]:
            check(self.scalar(connection, sql), value, sql)

    def reset(self):
        asked = self.ask["reset"]
        connection = self.open()
        spid = self.scalar(connection, asked["spid"])
        self.client.query(connection, asked["dirty"])
        check(self.scalar(connection, asked["look"]), asked["before"], "before the reset")
        connection = self.client.reset(connection)
        check(self.scalar(connection, asked["look"]), asked["after"], "after the reset")
        check(self.scalar(connection, asked["spid"]), spid, "the session after the reset")

    def big_text(self):
        asked = self.ask["big_batch"]
        overhead = len(asked["prefix"] + asked["between"] + asked["suffix"])
        length = -(-(asked["bytes"] // 2 - overhead) // 2)
        text = (asked["pattern"] * (length // len(asked["pattern"]) + 1))[:length - 1] + "."
        return text, asked["prefix"] + text + asked["between"] + text + asked["suffix"]

    def big_batch(self, connection=None):
        text, sql = self.big_text()
        check(len(sql) * 2 >= self.ask["big_batch"]["bytes"], True, "the batch's size")
        [row] = self.sets(connection or self.open(), sql)[0]
        check(row, [str(len(text)), text], "a long text there and back")

    def small_packets(self):
        connection = self.open(packet_size=self.ask["small_packets"]["size"])
        self.big_batch(connection)

    def topic(self):
        asked = self.ask["topic"]
        hosts = {name: (self.open(name), port, role) for name, port, role in asked["hosts"]}
        on = lambda host, sql: self.client.query(hosts[host][0], sql)
        certificates = {}
        for host, (connection, port, role) in hosts.items():
            for sql in asked["outbound"]:
                on(host, sql.format(host=host, port=port, role=role))
            certificates[host] = self.scalar(connection, asked["certificate"].format(host=host))
        on(*asked["partner"][0])
        early = asked["too_early"]
        try:
            on(*asked["partner"][1])
        except Exception as problem:
            if "number" in self.client.SHOWS:
                check(self.client.describe(problem)["number"], early["number"], "SET PARTNER before the inbound half")
        else:
            raise Wrong("SET PARTNER succeeded before the inbound half")
        on(*early["undo"])
        for host in hosts:
            for peer in hosts:
                for sql in asked["inbound"] if peer != host else []:
                    on(host, sql.format(peer=peer, certificate=certificates[peer]))
        for host, sql in asked["partner"] + [asked["witness"]]:
            on(host, sql)
        for host, sql, wanted in asked["established"]:
            check(self.scalar(hosts[host][0], sql), wanted, f"mirroring on {host}")
        return "mirroring established, with a witness"


def main(client, *arguments):
    """Plays the scenarios named after the papers' directory, or all; `arguments` have to stand before it."""
    Matrix(client, pathlib.Path(sys.argv[1]), arguments).run(*sys.argv[2:])
