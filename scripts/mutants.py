#!/usr/bin/env python3
"""Mutants of the folders without I/O, all in one build: called by scripts/mutants, which says how.

A build per mutant takes longer than all its tests. So cargo-mutants only lists the mutants, each is written into one copy of the
sources behind a switch (`on(7)`), and one test binary is asked again and again with another switch set: only the tests that reach the
mutant, the quickest first, until one fails. What does not compile behind its switch is left out as unviable.
"""

import argparse
import collections
import concurrent.futures
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import tree_sitter
import tree_sitter_rust

SWITCH = """//! The switches of mutants.
use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::OnceLock;

static CHOSEN: OnceLock<u32> = OnceLock::new();
static REACHED: [AtomicBool; COUNT] = [const { AtomicBool::new(false) }; COUNT];

/// Whether this mutant is the one to be tried.
pub fn on(id: u32) -> bool {
    let chosen = *CHOSEN.get_or_init(|| {
        std::env::var("MUTANT").ok().and_then(|n| n.parse().ok()).unwrap_or(u32::MAX)
    });
    if chosen == u32::MAX && !REACHED[id as usize].swap(true, Ordering::Relaxed) {
        if let Ok(path) = std::env::var("MUTANTS_REACHED") {
            let file = std::fs::OpenOptions::new().append(true).create(true).open(path);
            let _ = file.and_then(|mut file| file.write_all(format!("{id}\\n").as_bytes()));
        }
    }
    chosen == id
}
"""
ENVIRONMENT = dict(os.environ, PROPTEST_CASES="32", RUSTC_BOOTSTRAP="1", RUST_BACKTRACE="0", PROPTEST_FAILURE_PERSISTENCE="off")
SLOWEST = 30
PARSER = tree_sitter.Parser(tree_sitter.Language(tree_sitter_rust.language()))


def on(mutant):
    return f"crate::mutant::on({mutant['id']})"


def marked(ids, text):
    """Between comments that tell which mutants an error of the compiler is about."""
    name = ",".join(str(i) for i in ids)
    return f"/*<{name}<*/{text}/*>{name}>*/"


class Source:
    """One file with its mutants behind switches."""

    def __init__(self, path, mutants):
        self.bytes = path.read_bytes()
        self.lines = self.bytes.decode().split("\n")
        self.root = PARSER.parse(self.bytes).root_node
        self.edits = collections.defaultdict(list)
        for mutant in mutants:
            node = self.node(mutant)
            if node:
                self.edits[(node[0], node[1], node[2])].append((mutant, node[3]))
            else:
                mutant["outcome"] = "untried"

    def offset(self, at):
        before = sum(len(line.encode()) + 1 for line in self.lines[: at["line"] - 1])
        return before + len(self.lines[at["line"] - 1][: at["column"] - 1].encode())

    def node(self, mutant):
        """Where its edit begins and ends, of what kind it is, and the syntax node."""
        start, end = self.offset(mutant["span"]["start"]), self.offset(mutant["span"]["end"])
        at = self.root.descendant_for_byte_range(start, end)
        genre = mutant["genre"]
        if genre == "FnValue":
            while at and at.type not in ("function_item", "closure_expression"):
                at = at.parent
            # Both branches would have to be of one type, or known when it is compiled.
            if not at or "impl " in mutant["function"]["return_type"] or b"const fn" in self.bytes[at.start_byte : at.child_by_field_name("body").start_byte]:
                return None
            inside = at.child_by_field_name("body").start_byte + 1
            return inside, inside, "function", at
        if genre in ("BinaryOperator", "UnaryOperator"):
            at = at.parent if at.type not in ("unary_expression",) else at
            kinds = ("binary_expression", "compound_assignment_expr", "unary_expression")
            return (at.start_byte, at.end_byte, "operator", at) if at and at.type in kinds else None
        if genre in ("MatchArm", "MatchArmGuard"):
            while at and at.type != "match_arm":
                at = at.parent
            pattern = at.child_by_field_name("pattern") if at else None
            if not pattern:
                return None
            guard = pattern.child_by_field_name("condition")
            if guard:
                return guard.start_byte, guard.end_byte, "guard", guard
            return pattern.end_byte, pattern.end_byte, "arm", pattern
        return None

    def text(self, start, end, but=None):
        """The source between two offsets, its mutants included, except the edit `but`."""
        inner = sorted((k for k in self.edits if start <= k[0] and k[1] <= end and k != but), key=lambda k: (k[0], -k[1], k[2]))
        out, at = [], start
        for key in inner:
            if key[0] < at:
                continue
            out.append(self.bytes[at : key[0]].decode())
            out.append(self.edit(key))
            at = key[1]
        out.append(self.bytes[at:end].decode())
        return "".join(out)

    def edit(self, key):
        start, end, kind, = key
        entries = [(m, n) for m, n in self.edits[key] if "outcome" not in m]
        if not entries:
            return self.text(start, end, but=key)
        if kind == "function":
            return "".join(marked([m["id"]], f" if {on(m)} {{ return {m['replacement']}; }} ") for m, _ in entries)
        if kind == "arm":
            return "".join(marked([m["id"]], f" if !{on(m)}") for m, _ in entries[:1])
        ids = [m["id"] for m, _ in entries]
        if kind == "guard":
            text = f"({self.text(start, end, but=key)})"
            for m, _ in entries:
                if m["genre"] == "MatchArm" or m["replacement"] == "false":
                    text = f"(!{on(m)} && {text})"
                else:
                    text = f"({on(m)} || {text})"
            return marked(ids, text)
        node = entries[0][1]
        if node.type == "unary_expression":
            operand = node.children[1]
            inner = self.text(operand.start_byte, operand.end_byte)
            operator = self.bytes[start : operand.start_byte].decode().strip()
            if operator == "!":
                return marked(ids, f"({on(entries[0][0])} != !{inner})")
            return marked(ids, f"(if {on(entries[0][0])} {{ {inner} }} else {{ {operator}{inner} }})")
        left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
        a, b = (self.text(n.start_byte, n.end_byte) for n in (left, right))
        operator = self.bytes[left.end_byte : right.start_byte].decode().strip()
        operator = re.sub(r"//.*", "", operator).strip()
        if operator in ("==", "!=") and len(entries) == 1 and entries[0][0]["replacement"] in ("==", "!="):
            return marked(ids, f"({on(entries[0][0])} != ({a} {operator} {b}))")
        if operator in ("&&", "||") and len(entries) == 1:
            other = entries[0][0]["replacement"]
            return marked(ids, f"({{ let left = {a}; if {on(entries[0][0])} {{ left {other} {b} }} else {{ left {operator} {b} }} }})")
        branches = "".join(f"if {on(m)} {{ {a} {m['replacement']} {b} }} else " for m, _ in entries)
        text = f"{branches}{{ {a} {operator} {b} }}"
        return marked(ids, text if node.type == "compound_assignment_expr" else f"({text})")

    def whole(self):
        return self.text(0, len(self.bytes))


def blamed(source, at):
    """The innermost mutants around an offset of the written file."""
    stack = []
    for found in re.finditer(rb"/\*([<>])([0-9,]+)[<>]\*/", source[:at]):
        if found[1] == b"<":
            stack.append(found[2])
        else:
            stack.pop()
    return [int(i) for i in stack[-1].split(b",")] if stack else []


def arms_after(source, at):
    """The switches of the arms of the match whose subject begins there."""
    begin = source.index(b"{", at)
    while re.match(rb"\{ (let left|crate::mutant)", source[begin:]):
        begin = source.index(b"{", begin + 1)
    depth, end = 0, begin
    while end < len(source):
        depth += {123: 1, 125: -1}.get(source[end], 0)
        end += 1
        if not depth:
            break
    return [int(i) for i in re.findall(rb"/\*<(\d+)<\*/ if !crate::mutant", source[begin:end])]


def build(crate, files, mutants, pristine):
    """Writes the files and builds the test binary, without whatever does not compile."""
    (crate / "src/mutant.rs").write_text(SWITCH.replace("COUNT", str(len(mutants))))
    library = crate / "src/lib.rs"
    if "mod mutant" not in library.read_text():
        library.write_text(library.read_text() + "pub mod mutant;\n")
    by_file = collections.defaultdict(list)
    for mutant in mutants:
        by_file[mutant["file"]].append(mutant)
    sources = {file: Source(pristine / file, own) for file, own in by_file.items()}
    for turn in range(40):
        for file, source in sources.items():
            text = source.whole()
            if not (crate / file).exists() or (crate / file).read_text() != text:
                (crate / file).write_text(text)
        ran = subprocess.run(
            ["cargo", "test", "--lib", "--no-run", "--message-format=json"], cwd=crate, capture_output=True, text=True
        )
        bad, binary, errors = set(), None, []
        for line in ran.stdout.splitlines():
            message = json.loads(line)
            if message["reason"] == "compiler-artifact" and message.get("executable"):
                binary = message["executable"]
            if message["reason"] == "compiler-message" and message["message"]["level"] == "error":
                errors.append(message["message"])
                for span in message["message"]["spans"]:
                    while span["expansion"] and not span["file_name"].startswith("src/"):
                        span = dict(span["expansion"]["span"], is_primary=span["is_primary"])
                    if not span["is_primary"] or not span["file_name"].startswith("src/"):
                        continue
                    text = (crate / span["file_name"]).read_bytes()
                    if (message["message"]["code"] or {}).get("code") == "E0004":
                        # One arm could be missing, all of them could not.
                        bad.update(arms_after(text, span["byte_end"]))
                    bad.update(blamed(text, span["byte_start"] + 1))
        if ran.returncode == 0:
            return binary
        if not bad:
            sys.exit("the copy does not build:\n" + ran.stderr[-2000:] + "".join(e["rendered"] for e in errors[:5]))
        for mutant in mutants:
            if mutant["id"] in bad:
                mutant["outcome"] = "unviable"
        print(f"build {turn + 1}: {len(bad)} do not compile", file=sys.stderr, flush=True)
    sys.exit("the copy does not build")


def tests_of(binary):
    listed = subprocess.run([binary, "--list"], capture_output=True, text=True, env=ENVIRONMENT).stdout
    return re.findall(r"^(.*): test$", listed, re.M)


def reach(binary, test, directory):
    """Which mutants a test reaches, and how long it takes."""
    path = directory / re.sub(r"\W+", "_", test)
    path.unlink(missing_ok=True)
    begun = time.monotonic()
    ran = subprocess.run([binary, "--exact", test], capture_output=True, env=dict(ENVIRONMENT, MUTANTS_REACHED=str(path)))
    if ran.returncode:
        sys.exit(f"{test} fails without any mutant")
    return {int(i) for i in path.read_text().split()} if path.exists() else set(), time.monotonic() - begun


def attempt(binary, mutant, tests):
    """`caught`, or `missed` by all the tests that reach it."""
    if not tests:
        return "missed"
    command = [binary, "--exact", "-Zunstable-options", "--fail-fast", "--test-threads=1", *tests]
    try:
        ran = subprocess.run(command, capture_output=True, env=dict(ENVIRONMENT, MUTANT=str(mutant["id"])), timeout=SLOWEST * 4)
    except subprocess.TimeoutExpired:
        return "caught"
    return "caught" if ran.returncode else "missed"


def key(mutant):
    """File, function and mutation, without line numbers."""
    return re.sub(r":\d+:\d+: ", ": ", mutant["name"]).removeprefix("src/")


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--crate", type=Path, required=True)
    arguments.add_argument("--pristine", type=Path, required=True)
    arguments.add_argument("--list", type=Path, required=True)
    arguments.add_argument("--accepted", type=Path, required=True)
    arguments.add_argument("--shard", default="0/1")
    arguments.add_argument("rooms", nargs="*")
    chosen = arguments.parse_args()
    shard, of = (int(n) for n in chosen.shard.split("/"))
    everything = json.loads(chosen.list.read_text())
    prefixes = tuple(f"src/{room}" for room in chosen.rooms or [""])
    mutants = [m for m in everything if m["file"].startswith(prefixes)]
    mutants = [m for n, m in enumerate(mutants) if n % of == shard]
    for n, mutant in enumerate(mutants):
        mutant["id"] = n
    binary = build(chosen.crate, None, mutants, chosen.pristine)
    tests = tests_of(binary)
    directory = chosen.crate / "reached"
    directory.mkdir(exist_ok=True)
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        reached = dict(zip(tests, pool.map(lambda test: reach(binary, test, directory), tests)))
        alive = [m for m in mutants if "outcome" not in m]
        own = {m["id"]: sorted((t for t in tests if m["id"] in reached[t][0]), key=lambda t: reached[t][1]) for m in alive}
        for mutant, outcome in zip(alive, pool.map(lambda m: attempt(binary, m, own[m["id"]]), alive)):
            mutant["outcome"] = outcome
            mutant["reached"] = len(own[mutant["id"]])
    report(chosen, everything, mutants, of)


def report(chosen, everything, mutants, of):
    counts = collections.Counter(m["outcome"] for m in mutants)
    accepted = {}
    for line in chosen.accepted.read_text().splitlines() if chosen.accepted.exists() else []:
        if line and not line.startswith("#"):
            name, _, reason = line.partition("\t")
            accepted[name] = reason
    missed = collections.defaultdict(list)
    for mutant in mutants:
        if mutant["outcome"] == "missed":
            missed[key(mutant)].append(mutant)
    unlisted = [name for name in missed if name not in accepted]
    for name in unlisted:
        at = missed[name][0]["span"]["start"]["line"]
        print(f"SURVIVES\t{name}\t(line {at}, reached by {missed[name][0]['reached']} tests)")
    prefixes = tuple(room for room in chosen.rooms or [""])
    names = {key(m) for m in everything}
    stale = [name for name in accepted if name.startswith(prefixes) and name not in names]
    tried = {key(m) for m in mutants if m["outcome"] == "caught"}
    if of == 1:
        stale += [name for name in accepted if name in tried and name not in missed]
    for name in stale:
        print(f"NO LONGER SURVIVES\t{name}")
    for mutant in mutants:
        if mutant["outcome"] == "untried":
            print(f"untried\t{key(mutant)}")
    listed = sum(len(found) for name, found in missed.items() if name in accepted)
    print(f"{len(mutants)} mutants: {counts['caught']} caught, {counts['unviable']} unviable, {counts['untried']} untried, "
          f"{counts['missed']} missed, {listed} of them listed")
    sys.exit(1 if unlisted or stale else 0)


main()
