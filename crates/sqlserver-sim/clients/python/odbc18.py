"""Microsoft's ODBC Driver 18 through pyodbc and unixODBC. The driver is the one that the package mssql-python-odbc carries."""

import contextlib
import glob
import os
import re
import sys
import threading

import mssql_python_odbc
import pyodbc

import scenarios

DRIVER = glob.glob(os.path.join(
    os.path.dirname(mssql_python_odbc.__file__), "libs/linux/debian_ubuntu/*/lib/libmsodbcsql-18*.so.*"))[0]
LEVELS = {
    "clear": "says ENCRYPT_OFF at least, so that the log-in is always encrypted if the server can",
    "clear_without_tls": None,
    "login_only": None,
    "full": None,
    "forced": None,
    "strict": None,
}
ENCRYPT = {"clear_without_tls": "no", "login_only": "no", "full": "yes", "forced": "no", "strict": "strict"}
SHOWS = {"number"}
REASONS = {"variant": "pyodbc cannot read ODBC type -150 (sql_variant); its users CAST it"}
PARAMETER = "SELECT ? AS t, ? AS n"
# From Microsoft's msodbcsql.h and the ODBC specification.
PACKET_SIZE, RESET_CONNECTION = 112, 1246

pyodbc.pooling = False


def connect(server, level, packet_size=None, password=None):
    os.environ["SSL_CERT_FILE"] = server.ca
    text = (f"DRIVER={{{DRIVER}}};SERVER={server.host},{server.port};UID={server.user};PWD={{{password or server.password}}};"
            f"Encrypt={ENCRYPT[level]};ConnectRetryCount=0")
    before = {PACKET_SIZE: packet_size} if packet_size else {}
    return pyodbc.connect(text, autocommit=True, timeout=20, attrs_before=before)


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
    text = problem.args[1]
    return {"number": int(re.search(r"\((\d+)\) \(SQL", text).group(1)), "message": text}


def begin(connection):
    connection.autocommit = False


def rollback(connection):
    connection.rollback()
    connection.autocommit = True


def cancel(connection, sql):
    cursor = connection.cursor()
    timer = threading.Timer(0.7, cursor.cancel)
    timer.start()
    try:
        cursor.execute(sql)
    except pyodbc.Error as problem:
        scenarios.check(problem.args[0], "HY008", "the cancelled statement's SQLSTATE")
    else:
        raise scenarios.Wrong("the cancelled statement ended without an error")
    finally:
        timer.cancel()
        # Closing the cursor under a cancel that is still returning crashes the process.
        timer.join()
        cursor.close()


def reset(connection):
    connection.set_attr(RESET_CONNECTION, 1)
    return connection


if __name__ == "__main__":
    scenarios.main(sys.modules[__name__])
