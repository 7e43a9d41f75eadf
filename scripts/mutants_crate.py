#!/usr/bin/env python3
"""Makes a small crate of the folders without I/O, so that a mutant costs seconds: mutants_crate.py DIRECTORY.

It has the same sources, the same Cargo.lock and the same dependencies, but only those that these sources name.
"""

import re
import shutil
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# Folders and files of src/: what mutants are made of, and what that cannot be compiled without.
SOURCES = [
    "domain",
    "plan",
    "tsql",
    "sqlserver",
    "worker/attempt/decide",
    "worker/attempt/decide.rs",
    "worker/attempt/refused.rs",
    "worker/backoff.rs",
]
# Tests against the simulator, which is not here, and the file that names them.
LEFT_OUT = {"sqlserver/secure/tests.rs": "sqlserver/secure/mod.rs"}
# In place of parents that hold more than these.
PARENTS = {
    "lib.rs": """//! The folders without I/O.
#![allow(dead_code, unused_imports)]
pub mod domain;
pub mod plan;
pub mod sqlserver;
pub mod tsql;
pub mod worker;
""",
    "worker/mod.rs": """//! Decisions only.
pub mod attempt;
mod backoff;
""",
    "worker/attempt/mod.rs": """//! Decisions only.
mod decide;
mod refused;
""",
}


def features(name, wanted):
    """utoipa without axum, which is not here."""
    if name == "utoipa":
        wanted = dict(wanted, features=[f for f in wanted["features"] if f != "axum_extras"])
    return wanted


def inline(value):
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {inline(item)}" for key, item in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(inline(item) for item in value) + "]"
    if isinstance(value, bool):
        return str(value).lower()
    return f'"{value}"'


def dependencies(table, shared, text):
    lines = []
    for name, wanted in table.items():
        crate = name.replace("-", "_")
        if not re.search(rf"\b{crate}(::|\b.*;)", text) or isinstance(wanted, dict) and "path" in wanted:
            continue
        if isinstance(wanted, dict) and wanted.get("workspace"):
            base = shared[name]
            base = dict(base) if isinstance(base, dict) else {"version": base}
            base["features"] = base.get("features", []) + wanted.get("features", [])
            wanted = base
        lines.append(f"{name} = {inline(features(name, wanted))}")
    return "\n".join(lines)


def wanted_files():
    """Path below src/ and bytes of every file of the crate."""
    for source in SOURCES:
        at = ROOT / "src" / source
        for path in at.rglob("*") if at.is_dir() else [at]:
            inside = path.relative_to(ROOT / "src")
            if not path.is_file() or str(inside) in LEFT_OUT:
                continue
            content = path.read_bytes()
            if str(inside) in LEFT_OUT.values():
                content = content.replace(b"#[cfg(test)]\nmod tests;\n", b"")
            yield inside, content
    for path, text in PARENTS.items():
        yield Path(path), text.encode()


def write(target):
    """Only what differs is written, so that cargo builds only what changed."""
    wanted = dict(wanted_files())
    for path, content in wanted.items():
        to = target / path
        if not to.exists() or to.read_bytes() != content:
            to.parent.mkdir(parents=True, exist_ok=True)
            to.write_bytes(content)
    for path in list(target.rglob("*")):
        if path.is_file() and path.relative_to(target) not in wanted:
            path.unlink()


def main():
    crate = Path(sys.argv[1])
    manifest = tomllib.loads((ROOT / "Cargo.toml").read_text())
    shared = manifest["workspace"]["dependencies"]
    write(crate / "src")
    text = "\n".join(path.read_text() for path in (crate / "src").rglob("*.rs"))
    (crate / "Cargo.toml").write_text(f"""[package]
name = "mirrorgate-without-io"
version = "0.0.0"
edition = "{manifest["workspace"]["package"]["edition"]}"
publish = false
[workspace]
[dependencies]
{dependencies(manifest["dependencies"], shared, text)}
[dev-dependencies]
{dependencies(manifest["dev-dependencies"], shared, text)}
[profile.dev]
debug = false
[profile.dev.package.aws-lc-sys]
opt-level = 3
[profile.dev.package.num-bigint]
opt-level = 3
""")
    shutil.copy(ROOT / "Cargo.lock", crate / "Cargo.lock")


main()
