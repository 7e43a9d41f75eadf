"""Runs the client matrix: a fresh fleet for each client, its runner against it, and a table of what came out.

Which clients there are stands in CLIENTS; what they are asked, in scenarios.json. Nothing here speaks TDS.

A runner prints one JSON line per scenario: {"scenario", "outcome": pass | fail | unsupported, "detail", "seconds"}. A scenario that a
runner does not mention is a failed one, so that a crash cannot pass.
"""

import argparse
import concurrent.futures
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
SCENARIOS = [
    "login:clear", "login:clear_without_tls", "login:login_only", "login:full", "login:forced", "login:strict", "refused",
    "untrusted", "types", "variant", "parameter", "error", "syntax_error", "result_sets", "rollback", "cancel", "reset",
    "big_batch", "small_packets", "topic"]
MARKS = {"pass": "pass", "unsupported": "-", "fail": "FAIL"}
CLIENT_SECONDS = 150


def clients(options):
    """Name of the column → command and extra environment of its runner."""
    python = [options.python]
    node = ["node"]
    return {
        "pyodbc": (python + [HERE / "python/odbc18.py"], {}),
        "mssql-python": (python + [HERE / "python/mssql_python_client.py"], {}),
        "mssql-py-rust": (python + [HERE / "python/mssql_python_client.py"], {"MSSQL_PYTHON_NATIVE_PROVIDER": "mssql-odbc"}),
        "mssql-tds": ([options.mssql_tds], {}),
        "pymssql": (python + [HERE / "python/pymssql_client.py"], {}),
        "python-tds": (python + [HERE / "python/pytds_client.py"], {}),
        "tsql": (python + [HERE / "python/freetds_tools.py", "tsql"], {}),
        "bsqldb": (python + [HERE / "python/freetds_tools.py", "bsqldb"], {}),
        "tedious": (node + [HERE / "node/tedious.js"], {"NODE_PATH": options.node_modules}),
        "node-mssql": (node + [HERE / "node/mssql.js"], {"NODE_PATH": options.node_modules}),
        "tiberius": ([options.tiberius], {}),
    }


class Fleet:
    """A simulated fleet in a process of its own, until the end of the block."""

    def __init__(self, binary, folder):
        self.binary, self.papers, self.folder = binary, folder / "papers", folder

    def __enter__(self):
        ready = self.folder / "ready"
        self.log = (self.folder / "fleet.log").open("w")
        self.process = subprocess.Popen(
            [self.binary, "--fleet", HERE / "fleet.toml", "--out", self.papers, "--ready-file", ready],
            stdout=self.log, stderr=self.log)
        deadline = time.monotonic() + 60
        while not ready.exists():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit("the fleet did not start: " + (self.folder / "fleet.log").read_text())
            time.sleep(0.05)
        return self.papers

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(20)
        self.log.close()


def run(options, name, command, environment):
    """One client's outcomes: scenario → (outcome, detail)."""
    with tempfile.TemporaryDirectory(prefix="clients-") as folder, Fleet(options.sim, pathlib.Path(folder)) as papers:
        (papers / "other-ca.pem").write_text(options.other_ca.read_text())
        started = time.monotonic()
        try:
            ended = subprocess.run([*map(str, command), str(papers)], capture_output=True, text=True, timeout=CLIENT_SECONDS,
                                   check=False, env={**os.environ, "SSL_CERT_FILE": str(papers / "ca.pem"), **{k: str(v) for k, v in environment.items()}})
            output, ending = ended.stdout, f"exit status {ended.returncode}: {ended.stderr.strip()[-600:]}"
        except subprocess.TimeoutExpired as late:
            output, ending = (late.stdout or b"").decode(), f"still running after {CLIENT_SECONDS} s"
        except OSError as problem:
            output, ending = "", f"cannot be started: {problem}"
    found = {}
    for line in output.splitlines():
        if line.startswith("{"):
            entry = json.loads(line)
            found[entry["scenario"]] = (entry["outcome"], entry["detail"])
    seconds = time.monotonic() - started
    return name, {s: found.get(s, ("fail", f"the runner did not get to it ({ending})")) for s in SCENARIOS}, seconds


def table(results):
    width = max(map(len, SCENARIOS)) + 1
    names = list(results)
    lines = [" " * width + "  ".join(names)]
    for scenario in SCENARIOS:
        cells = [MARKS[results[n][scenario][0]].ljust(len(n)) for n in names]
        lines.append(scenario.ljust(width) + "  ".join(cells))
    return lines


def remarks(results):
    """Why a cell is impossible, and what went wrong, each said once."""
    said = {}
    for name, outcomes in results.items():
        for scenario, (outcome, detail) in outcomes.items():
            if outcome != "pass" or detail:
                said.setdefault((MARKS[outcome], name, detail), []).append(scenario)
    return [f"{mark:4} {name}: {', '.join(scenarios)}: {detail}" for (mark, name, detail), scenarios in sorted(said.items())]


def main():
    parser = argparse.ArgumentParser(description="the client matrix")
    for name in ("sim", "python", "node-modules", "tiberius", "mssql-tds"):
        parser.add_argument("--" + name, required=True, type=pathlib.Path)
    parser.add_argument("--other-ca", required=True, type=pathlib.Path, help="a CA that signed nothing here")
    parser.add_argument("only", nargs="*", help="clients; default: all")
    options = parser.parse_args()
    chosen = {n: c for n, c in clients(options).items() if not options.only or n in options.only}
    if not chosen or set(options.only) - set(chosen):
        parser.error(f"clients are {', '.join(clients(options))}")
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 2) as pool:
        jobs = [pool.submit(run, options, name, *chosen[name]) for name in chosen]
        done = [job.result() for job in jobs]
    results = {name: outcomes for name, outcomes, _ in done}
    print("\n".join(table(results)))
    print("\n".join(remarks(results)))
    count = {mark: sum(o == mark for c in results.values() for o, _ in c.values()) for mark in MARKS}
    print(f"{len(results)} clients: {count['pass']} pass, {count['unsupported']} impossible for the client, {count['fail']} failed; "
          + ", ".join(f"{name} {seconds:.0f} s" for name, _, seconds in done))
    return 1 if count["fail"] else 0


if __name__ == "__main__":
    sys.exit(main())
