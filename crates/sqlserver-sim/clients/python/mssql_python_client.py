"""Microsoft's mssql-python, over its ODBC Driver 18 or, with MSSQL_PYTHON_NATIVE_PROVIDER=mssql-odbc, over its Rust driver."""

import contextlib
import os
import sys

import mssql_python

import scenarios

RUST = os.environ.get("MSSQL_PYTHON_NATIVE_PROVIDER") == "mssql-odbc"
LEVELS = {
    "clear": "says ENCRYPT_OFF at least, so that the log-in is always encrypted if the server can",
    "clear_without_tls": None,
    "login_only": None,
    "full": None,
    "forced": None,
    "strict": None,
}
ENCRYPT = {"clear_without_tls": "no", "login_only": "no", "full": "yes", "forced": "no", "strict": "strict"}
# mssql-python reports the text and the SQLSTATE's meaning only.
SHOWS = set()
REASONS = {}
PARAMETER = "SELECT ? AS t, ? AS n"
# Where a connection leads, to open it again.
ORIGIN = {}

# Connections that are closed or collected go back to the pool, and are reset when taken out again.
mssql_python.pooling(max_size=50, enabled=True)


def connect(server, level, packet_size=None, password=None):
    os.environ["SSL_CERT_FILE"] = server.ca
    text = (f"Server={server.host},{server.port};UID={server.user};PWD={{{password or server.password}}};"
            f"Encrypt={ENCRYPT[level]};" + (f"PacketSize={packet_size};" if packet_size else ""))
    connection = mssql_python.connect(text, autocommit=True, timeout=20)
    ORIGIN[id(connection)] = (server, level)
    return connection


def query(connection, sql, parameters=None):
    with contextlib.closing(connection.cursor()) as cursor:
        cursor.execute(sql, *(parameters or ()))
        sets = []
        while True:
            if cursor.description:
                sets.append([list(row) for row in cursor.fetchall()])
            if not cursor.nextset():
                return sets


def describe(problem):
    return {"message": str(problem)}


def begin(connection):
    connection.autocommit = False


def rollback(connection):
    connection.rollback()
    connection.autocommit = True


def cancel(connection, sql):
    connection.timeout = 1
    try:
        query(connection, sql)
    except mssql_python.Error as problem:
        if "imeout" not in str(problem) and "ancel" not in str(problem):
            raise
    else:
        raise scenarios.Wrong("the statement ended in spite of its time-out")
    finally:
        connection.timeout = 0


def reset(connection):
    target, level = ORIGIN.pop(id(connection))
    connection.close()
    return connect(target, level)


if __name__ == "__main__":
    scenarios.main(sys.modules[__name__])
