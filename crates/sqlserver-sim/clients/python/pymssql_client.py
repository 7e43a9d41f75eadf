"""pymssql: FreeTDS 1.5 with OpenSSL, through its db-lib."""

import contextlib
import os
import pathlib
import sys

import pymssql

import scenarios

LEVELS = {
    "clear": None,
    "clear_without_tls": None,
    "login_only": None,
    "full": None,
    "forced": None,
    "strict": None,
}
ENCRYPT = {"clear": "off", "clear_without_tls": "off", "login_only": None, "full": "require", "forced": "request", "strict": "strict"}
SHOWS = {"number", "state", "class", "line"}
REASONS = {
    "cancel": "pymssql waits inside db-lib, and its time-out closes the connection instead of keeping it",
    "reset": "db-lib never asks for a connection reset",
}
PARAMETER = "SELECT %s AS t, %d AS n"


def connect(server, level, packet_size=None, password=None):
    conf = pathlib.Path(server.scratch) / f"pymssql-{os.getpid()}.conf"
    conf.write_text(f"[global]\nca file = {server.ca}\n[target]\nhost = {server.host}\nport = {server.port}\ntds version = 7.4\n"
                    + (f"encryption = {ENCRYPT[level]}\n" if ENCRYPT[level] else "")
                    + (f"initial block size = {packet_size}\n" if packet_size else ""))
    os.environ["FREETDSCONF"] = str(conf)
    return pymssql.connect(server="target", port=server.port, user=server.user, password=password or server.password, autocommit=True,
                           login_timeout=10, timeout=0)


def query(connection, sql, parameters=None):
    with contextlib.closing(connection.cursor()) as cursor:
        cursor.execute(sql, parameters)
        sets = []
        while True:
            if cursor.description:
                sets.append([list(row) for row in cursor.fetchall()])
            if not cursor.nextset():
                return sets


def describe(problem):
    inner = problem.__cause__ or problem.__context__ or problem
    number, message = problem.args[0][:2] if isinstance(problem.args[0], tuple) else problem.args[:2]
    message = message.decode() if isinstance(message, bytes) else message
    return {"number": number, "state": getattr(inner, "state", None), "class": getattr(inner, "severity", None),
            "line": getattr(inner, "line", None), "message": message}


def alike_variant(value):
    """db-lib hands out the bytes of what is in a sql_variant."""
    return {"0": "00000000"}.get(value, value)


def begin(connection):
    connection.autocommit(False)


def rollback(connection):
    connection.rollback()
    connection.autocommit(True)


if __name__ == "__main__":
    scenarios.main(sys.modules[__name__])
