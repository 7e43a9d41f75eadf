"""python-tds: pure Python."""

import contextlib
import sys

import pytds

import scenarios

LEVELS = {
    "clear": None,
    "clear_without_tls": None,
    "login_only": None,
    "full": None,
    "forced": None,
    "strict": "python-tds speaks no TDS 8.0",
}
SHOWS = {"number", "state", "class", "line"}
REASONS = {}
PARAMETER = "SELECT %s AS t, %s AS n"


# Where the last connection leads, to open it again.
ORIGIN = None


def connect(server, level, packet_size=None, password=None):
    global ORIGIN
    ORIGIN = (server, level)
    encrypted = {} if level.startswith("clear") else {"cafile": server.ca, "enc_login_only": level == "login_only"}
    return pytds.connect(server.host, port=server.port, user=server.user, password=password or server.password,
                         autocommit=True, blocksize=packet_size or 4096, pooling=True, **encrypted)


def query(connection, sql, parameters=None):
    with contextlib.closing(connection.cursor()) as cursor:
        cursor.execute(sql, parameters or ())
        sets = []
        while True:
            if cursor.description:
                sets.append([list(row) for row in cursor.fetchall()])
            if not cursor.nextset():
                return sets


def describe(problem):
    return {"number": problem.msg_no, "state": problem.state, "class": problem.severity, "line": problem.line,
            "message": problem.text if hasattr(problem, "text") else str(problem)}


def begin(connection):
    connection.autocommit = False


def rollback(connection):
    connection.rollback()
    connection.autocommit = True


def cancel(connection, sql):
    # The time-out of a connection is its socket's; the cursor sends the attention when it is used again.
    connection._tds_socket.sock.settimeout(1)
    cursor = connection.cursor()
    try:
        cursor.execute(sql)
    except pytds.TimeoutError:
        connection._tds_socket.sock.settimeout(15)
        cursor.cancel()
    else:
        raise scenarios.Wrong("the statement ended in spite of its time-out")


def reset(connection):
    """Its pool resets a connection that is taken out again, by calling sp_reset_connection."""
    connection.close()
    return connect(*ORIGIN)


if __name__ == "__main__":
    scenarios.main(sys.modules[__name__])
