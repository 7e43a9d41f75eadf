"""FreeTDS's own tools of Debian, as people use them in scripts: tsql and bsqldb, by their input and output."""

import datetime
import os
import pathlib
import re
import subprocess
import sys
import time

import scenarios

TOOL = sys.argv.pop(1)
LEVELS = {
    "clear": None,
    "clear_without_tls": None,
    "login_only": None,
    "full": None,
    "forced": None,
    "strict": "FreeTDS 1.3 speaks no TDS 8.0",
}
ENCRYPT = {"clear": "off", "clear_without_tls": "off", "login_only": None, "full": "require", "forced": "request"}
SHOWS = {"number", "state", "class", "line"}
REASONS = {
    "parameter": "the tool sends batches only",
    "cancel": "the tool has no way to cancel a statement but to end",
    "reset": "FreeTDS never asks for a connection reset",
}
OMIT_TYPES = {}
if TOOL == "bsqldb":
    REASONS["variant"] = "bsqldb does not know the type and ends"
    OMIT_TYPES = {"datetime2": "bsqldb does not know the type and ends", "null_datetime2": "as datetime2",
                  "uniqueidentifier": "as datetime2"}
SEPARATOR = "\x1f"
END = "end of the answer"
FOOTER = re.compile(r"\(?(\d+) rows? affected\)?")
PROMPT = re.compile(r"^(\d+> )+")
NOISE = re.compile(f"|locale .*|using default charset .*|[-{SEPARATOR}]+|{END}|the_end")
MESSAGE = re.compile(r"Msg (\d+),? \(?(?:severity|Level) (\d+), [sS]tate (\d+)\)?")
LINE = re.compile(r"Line (\d+)")


class ServerError(Exception):
    """What the tool printed about an error."""


class Session:
    """One run of the tool, fed through a pipe; a query marks the end of each answer."""

    def __init__(self, server, level, packet_size, password):
        self.conf = pathlib.Path(server.scratch) / f"{TOOL}-{os.getpid()}-{time.monotonic_ns()}.conf"
        self.conf.write_text(
            f"[target]\nhost = {server.host}\nport = {server.port}\ntds version = 7.4\nclient charset = UTF-8\n"
            f"ca file = {server.ca}\ntext size = 2147483647\n"
            + (f"encryption = {ENCRYPT[level]}\n" if ENCRYPT[level] else "")
            + (f"initial block size = {packet_size}\n" if packet_size else ""))
        self.command = ["stdbuf", "-oL", "-eL", TOOL, "-S", "target", "-U", server.user, "-P", password or server.password,
                        "-t", SEPARATOR]
        self.environment = {**os.environ, "FREETDSCONF": str(self.conf), "LC_ALL": "C.UTF-8"}
        self.process = None

    def start(self):
        """bsqldb ends at the first error, so that the next query needs another one."""
        if self.process is None or self.process.poll() is not None:
            self.process = subprocess.Popen(self.command, env=self.environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                            stderr=subprocess.STDOUT, text=True, bufsize=1)

    def run(self, sql):
        """The lines that the tool prints about a batch."""
        self.start()
        lines = []
        try:
            self.process.stdin.write(f"{sql}\nGO\nSELECT '{END}' AS the_end\nGO\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass
        ended = False
        for line in self.process.stdout:
            line = PROMPT.sub("", line.rstrip("\n"))
            ended = ended or line == END
            if ended and FOOTER.fullmatch(line):
                return lines
            if not NOISE.fullmatch(line):
                lines.append(line)
        self.process.wait(10)
        return lines

    def __del__(self):
        if self.process is not None:
            self.process.stdin.close()
            self.process.kill()
            self.process.wait()


def connect(server, level, packet_size=None, password=None):
    session = Session(server, level, packet_size, password)
    if query(session, "SELECT 1 AS hello") != [[["1"]]]:
        raise ServerError({"message": "no answer"})
    return session


def query(session, sql, parameters=None):
    lines = session.run(sql)
    told(lines)
    sets, block = [], []
    for line in lines:
        footer = FOOTER.fullmatch(line)
        if footer is None:
            block.append(line)
        elif block:
            sets += sets_of(block, int(footer.group(1)))
            block = []
    return sets + (sets_of(block, 0) if block else [])


def sets_of(block, count):
    """The sets above a footer: the last has that many rows; tsql says nothing below an empty one, so each line before is one.

    bsqldb's heading of a lone MAX column is empty, and has been taken for noise.
    """
    headers = len(block) - count
    return [[] for _ in block[:max(headers - 1, 0)]] + [[cells(line) for line in block[headers:]]]


def cells(line):
    return [cell(text) for text in line.split(SEPARATOR)]


def cell(text):
    if text == "NULL":
        return None
    if TOOL == "bsqldb" and text.startswith("0x"):
        # bsqldb prints the MAX types as hexadecimal digits, whether they are text or not.
        try:
            found = bytes.fromhex(text[2:]).decode()
            return found if found.isprintable() else text[2:].upper()
        except ValueError:
            return text[2:].upper()
    return text.upper() if re.fullmatch("[0-9a-f]{4,}", text) else text


def alike(name, value):
    """A value as the tool prints it."""
    if TOOL == "bsqldb" and name in ("char", "nchar"):
        return value.rstrip()
    if name not in ("datetime", "datetime2"):
        return value
    moment = datetime.datetime.strptime(value, "%Y-%m-%d %H:%M:%S.%f")
    if TOOL == "tsql":
        return moment.strftime(f"%b {moment.day:2} %Y %I:%M%p")
    return moment.strftime(f"%b {moment.day:2} %Y {moment.hour % 12:2}:%M:%S:{moment.microsecond // 1000:03}%p")


def told(lines):
    """Raises what the tool printed about an error."""
    for at, line in enumerate(lines):
        found = MESSAGE.search(line)
        if found and int(found.group(2)) > 10:
            number, severity, state = map(int, found.groups())
            rest = " ".join(lines[at:at + 3])
            line = LINE.search(rest)
            raise ServerError({"number": number, "class": severity, "state": state, "line": line and int(line.group(1)),
                               "message": rest})
        if "Error " in line or "rror: " in line or "connection failed" in line:
            raise ServerError({"message": " ".join(lines)})


def describe(problem):
    return problem.args[0] if isinstance(problem, ServerError) else {"message": str(problem)}


def begin(session):
    query(session, "BEGIN TRANSACTION")


def rollback(session):
    query(session, "ROLLBACK TRANSACTION")


if __name__ == "__main__":
    scenarios.main(sys.modules[__name__], TOOL)
