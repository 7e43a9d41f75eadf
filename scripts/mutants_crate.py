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
# Folders and files of src/, with what their parents must have to hold them.
FOLDERS = ["domain", "plan", "tsql"]
LIBRARY = """//! The folders without I/O.
#![allow(dead_code, unused_imports)]
pub mod domain;
pub mod plan;
pub mod tsql;
"""


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


def copy(source, target):
    """Only what differs is written, so that cargo builds only what changed."""
    for path in source.rglob("*"):
        to = target / path.relative_to(source)
        if path.is_dir():
            to.mkdir(parents=True, exist_ok=True)
        elif not to.exists() or to.read_bytes() != path.read_bytes():
            to.parent.mkdir(parents=True, exist_ok=True)
            to.write_bytes(path.read_bytes())
    for path in list(target.rglob("*")):
        if path.is_file() and not (source / path.relative_to(target)).exists():
            path.unlink()


def main():
    crate = Path(sys.argv[1])
    manifest = tomllib.loads((ROOT / "Cargo.toml").read_text())
    shared = manifest["workspace"]["dependencies"]
    for folder in FOLDERS:
        copy(ROOT / "src" / folder, crate / "src" / folder)
    (crate / "src" / "lib.rs").write_text(LIBRARY)
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
