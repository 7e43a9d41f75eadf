#!/usr/bin/env python3
"""Compare the simulator's T-SQL parser with Microsoft's two, statement by statement.

  parsers_agree.py SIMULATOR CORPUS [EMITTED]

SIMULATOR is the sqlserver-sim binary (its --parse mode), CORPUS the directory with good/*.sql, broken/*.sql (GO
separates the cases) and differences.tsv, EMITTED a directory of files each of which is one case that all must accept.
What holds:
  - "Microsoft accepts" means that both of its parsers do;
  - every good case is accepted by both sides, every broken one by neither, unless differences.tsv lists it with a reason;
  - nothing in broken/ may be listed as accepted by the simulator alone;
  - where both refuse, the simulator's "near" token is the token one of Microsoft's parsers names, or stands on the line
    one of them names;
  - a line of differences.tsv that is no longer true is a failure too.
Exit status: 0 agreement, 1 not.
"""
import pathlib, re, subprocess, sys
import tsqlcheck

def simulator(binary, files):
    """-> {path: [(first line, None when accepted, else the message)]}, split as the simulator splits at GO"""
    answers = {}
    for at in range(0, len(files), 1000):
        out = subprocess.run([binary, "--parse", *files[at:at + 1000]], stdout=subprocess.PIPE, text=True).stdout
        for line in out.splitlines():
            hit = re.match(r"(.+?\.sql):(\d+): (.*)$", line)
            if hit: answers.setdefault(hit[1], []).append((int(hit[2]), None if hit[3] == "ok" else hit[3]))
    return answers

def batches(text, answers):
    """-> [(first line, text, the simulator's message or None)]"""
    lines = text.split("\n")
    ends = [begin - 1 for begin, _ in answers[1:]] + [len(lines)]
    for (begin, refused), end in zip(answers, ends):
        body = lines[begin - 1:end]
        while body and body[-1].strip().upper() in ("GO", ""): body.pop()
        yield begin, "\n".join(body), refused

def check(text):
    try:
        return tsqlcheck.check(text)[1]
    except Exception as crash:   # SqlParser falls over some broken texts; that is no acceptance
        return [("SqlParser", 0, 0, f"crashed: {type(crash).__name__}")]

def key(text):
    """One line that names a case in differences.tsv: without the comment that heads a broken case."""
    lines = [l for l in text.strip().split("\n") if not re.match(r"-- \d+ near ", l)]
    return re.sub(r"\s+", " ", " ".join(lines)).strip()

NEAR = re.compile(r"near (?:the keyword )?'?(.*?)'?(?:\. Expecting.*|\.)?$", re.S)

def near(message):
    hit = NEAR.search(message)
    token = (hit[1] if hit else "").lstrip("\ufeff").strip("'\"[]").lower()
    return token

def same_place(ours, theirs):
    ours_line, ours_near = int(re.search(r"at line (\d+)", ours)[1]), near(ours)
    return any(line == ours_line or near(message) == ours_near for _, line, _, message in theirs)

def main(binary, corpus, emitted=None):
    corpus = pathlib.Path(corpus)
    listed = {}
    for line in (corpus / "differences.tsv").read_text(encoding="utf-8").splitlines():
        if line.strip() and not line.startswith("#"):
            side, reason, case = line.split("\t")
            assert side in ("simulator", "microsoft", "neither", "place") and reason.strip(), line
            listed[case] = side
    kinds = {"good": sorted((corpus / "good").glob("*.sql")), "broken": sorted((corpus / "broken").glob("*.sql"))}
    if emitted: kinds["emitted"] = sorted(pathlib.Path(emitted).glob("**/*.sql"))
    ours = simulator(binary, [str(p) for paths in kinds.values() for p in paths])
    wrong, used, count = [], set(), {k: 0 for k in kinds}
    for kind, paths in kinds.items():
        for path in paths:
            if str(path) not in ours: wrong.append(f"{path}: the simulator said nothing")
            for line, text, refused in batches(path.read_text(encoding="utf-8-sig"), ours.get(str(path), [])):
                where = f"{path}:{line}"
                count[kind] += 1
                errors = check(text)
                case = key(text)
                actual = ("both" if not errors else "simulator") if refused is None else ("microsoft" if not errors else "neither")
                said = f"simulator: {refused or 'ok'}; " + ("; ".join(f"{w} {l}:{c} {m}" for w, l, c, m in errors) or "Microsoft: ok")
                if actual == {"good": "both", "emitted": "both", "broken": "neither"}[kind]:
                    if actual == "neither" and not same_place(refused, errors):
                        if listed.get(case) == "place": used.add(case)
                        else: wrong.append(f"{where}: the error is elsewhere: {case} | {said}")
                    continue
                if kind != "emitted" and listed.get(case) == actual and (kind, actual) != ("broken", "simulator"):
                    used.add(case); continue
                wrong.append(f"{where}: {kind}, accepted by {actual}: {case} | {said}")
    wrong += [f"differences.tsv: not (any longer) true: {case}" for case in listed if case not in used]
    print("\n".join(wrong + [", ".join(f"{n} {k}" for k, n in count.items()) + f", {len(listed)} listed differences, {len(wrong)} disagreements"]))
    return bool(wrong) or not all(count.values())

if __name__ == "__main__": sys.exit(main(*sys.argv[1:]))
