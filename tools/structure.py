#!/usr/bin/env python3
"""Holds the tree to its own rules: layers, sizes, dead files, headers that compile alone, no leftovers.

    tools/structure.py                  all but the headers
    tools/structure.py --headers CXX    also compiles every header alone (stamp: build/headers.stamp)

The include table is the one of ARCHITECTURE.md; a folder may include what its row names and what those may include.
"""
import concurrent.futures
import hashlib
import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
LAYERS = {
    "base": [],
    "io": ["base"],
    "identity": ["base"],
    "wasm": ["io"],
    "libp2p": ["io", "identity"],
    "kernel": ["wasm", "identity"],
    "glia": ["kernel", "libp2p"],
    "protocol": ["glia"],
    "node": ["protocol"],
    "http": ["node"],
    "sim": ["node"],
    "embed": ["sim"],
    "cli": ["http", "embed"],
}
VENDOR = {  # a library's headers -> the only places that may include them
    "wasmtime": ["src/wasm/"],
    "wasm.h": ["src/wasm/"],
    "boost/asio": ["src/http/"],
    "boost/beast": ["src/http/"],
    "yaml-cpp": ["src/node/", "src/protocol/", "src/sim/"],
    "CLI": ["src/cli/"],
}
FILE_LINES = 800
FUNCTION_LINES = 70
LEFTOVERS = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")
problems = []


def allowed(layer):
    seen, todo = {layer}, [layer]
    while todo:
        for below in LAYERS[todo.pop()]:
            if below not in seen:
                seen.add(below)
                todo.append(below)
    return seen


def tell(path, line, what):
    problems.append(f"{path.relative_to(ROOT)}:{line}: {what}")


def tracked():
    out = subprocess.run(["git", "-C", str(ROOT), "ls-files", "-co", "--exclude-standard"], capture_output=True, text=True)
    if out.returncode == 0:
        return [ROOT / name for name in out.stdout.splitlines() if (ROOT / name).is_file()]
    return [p for p in ROOT.rglob("*") if p.is_file() and "build" not in p.parts and ".git" not in p.parts]


def strip(text):
    """Blanks comments, strings and preprocessor lines, keeping line breaks."""
    blank = lambda m: re.sub(r"[^\n]", " ", m.group())
    text = re.sub(r'R"(\w*)\(.*?\)\1"', blank, text, flags=re.S)
    text = re.sub(r"//[^\n]*|/\*.*?\*/|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'(?!\w)", blank, text, flags=re.S)
    return re.sub(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", blank, text, flags=re.M)


def long_functions(path, text):
    """Functions at namespace or class scope; what is nested in one counts as part of it."""
    code = strip(text)
    stack, start, line = [], 0, 1
    for i, c in enumerate(code):
        if c == "\n":
            line += 1
        elif c == "{":
            head = code[start:i].strip()
            inside = any(kind == "function" for kind, _ in stack)
            if inside:
                kind = "block"
            elif re.match(r"(?:export\s+)?(?:inline\s+)?(?:namespace|extern)\b", head):
                kind = "scope"
            elif re.search(r"\b(?:class|struct|union|enum)\b[^()=]*$", head):
                kind = "scope"
            elif "(" in head and not re.search(r"=\s*$", head):
                kind = "function"
            else:
                kind = "block"
            stack.append((kind, line))
            start = i + 1
        elif c == "}":
            if stack:
                kind, opened = stack.pop()
                if kind == "function" and line - opened + 1 > FUNCTION_LINES:
                    tell(path, opened, f"a function of {line - opened + 1} lines (at most {FUNCTION_LINES})")
            start = i + 1
        elif c == ";" and not any(kind == "function" for kind, _ in stack):
            start = i + 1


def check_source(path, text, included):
    name = str(path.relative_to(ROOT))
    layer = path.relative_to(ROOT / "src").parts[0]
    is_test = path.stem.endswith(("_test", "_fuzz"))
    if layer not in LAYERS:
        tell(path, 1, f"folder src/{layer} is not in the table of layers")
        return
    for number, line in enumerate(text.splitlines(), 1):
        include = re.match(r'\s*#\s*include\s+(["<])([^">]+)[">]', line)
        if include:
            quote, target = include.groups()
            if quote == '"' and not target.endswith(".pb.h"):
                included.add(target)
                folder = target.split("/")[0]
                if folder in LAYERS and folder not in allowed(layer):
                    tell(path, number, f"src/{layer} must not include {target}")
                elif not (ROOT / "src" / target).exists() and not (ROOT / "include" / target).exists():
                    tell(path, number, f"no such header: {target}")
            for vendor, places in VENDOR.items():
                hit = target == vendor or target.startswith(vendor + "/") or (vendor == "wasmtime" and target.startswith("wasmtime"))
                if quote == "<" and hit and not is_test and not any(name.startswith(p) for p in places):
                    tell(path, number, f"only {', '.join(places)} may include <{target}>")
                if quote == "<" and hit and path.suffix == ".hpp":
                    tell(path, number, f"no header of ours includes <{target}>")
    if text.count("\n") > FILE_LINES:
        tell(path, 1, f"{text.count(chr(10))} lines (at most {FILE_LINES})")
    if not is_test:
        long_functions(path, text)
    if path.suffix == ".hpp":
        if not text.startswith("//"):
            tell(path, 1, "a header opens with what it is")
        if "#pragma once" not in text:
            tell(path, 1, "no #pragma once")


def check_dead(sources, included):
    for path in sources:
        name = str(path.relative_to(ROOT / "src"))
        if path.suffix == ".hpp" and name not in included:
            tell(path, 1, "no file includes this header")


def first_include(path):
    found = re.search(r'^\s*#\s*include\s+["<]([^">]+)', path.read_text(), re.M)
    return found.group(1) if found else None


def check_headers(compiler, headers):
    """A header that its own source includes first compiles alone whenever that source does; only the others are tried here."""
    headers = [h for h in headers if not (h.with_suffix(".cpp").exists() and
                                          first_include(h.with_suffix(".cpp")) == str(h.relative_to(ROOT / "src")))]
    digest = hashlib.sha256()
    for header in headers:
        digest.update(header.read_bytes())
    stamp = ROOT / "build" / "headers.stamp"
    if stamp.exists() and stamp.read_text() == digest.hexdigest():
        return
    def alone(header):
        run = subprocess.run([compiler, "-std=c++23", "-fsyntax-only", "-Wall", "-Wextra", "-Werror", "-Wno-pragma-once-outside-header",
                              f"-I{ROOT}/src", f"-I{ROOT}/include",
                              '-DMYELIN_SOURCE_DIR=""', '-DMYELIN_BINARY_DIR=""', "-x", "c++", str(header)], capture_output=True, text=True)
        return header, run
    with concurrent.futures.ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        for header, run in pool.map(alone, headers):
            if run.returncode != 0:
                tell(header, 1, "does not compile alone: " + (run.stderr.strip().splitlines() or ["?"])[0])
    if not problems:
        stamp.parent.mkdir(exist_ok=True)
        stamp.write_text(digest.hexdigest())


def main():
    files = tracked()
    sources = sorted(p for p in files if p.suffix in (".hpp", ".cpp") and ROOT / "src" in p.parents)
    included = set()
    for path in files:  # tests, benchmarks, examples and the public face count as users of a header
        if path.suffix in (".hpp", ".cpp", ".h") and ROOT / "src" not in path.parents:
            included.update(re.findall(r'#\s*include\s+"([^"]+)"', path.read_text(errors="replace")))
    for path in sources:
        check_source(path, path.read_text(), included)
    check_dead(sources, included)
    for path in files:
        if path.suffix in (".hpp", ".cpp", ".c", ".h", ".py", ".sh", ".cmake", ".rs", ".go") and path != pathlib.Path(__file__).resolve():
            for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1):
                if LEFTOVERS.search(line):
                    tell(path, number, "a leftover: finish it or file it")
        if path.suffix == ".md":
            text = re.sub(r"^(```|~~~).*?^\1", "", path.read_text(errors="replace"), flags=re.S | re.M)
            if len(re.findall(r"^# ", text, flags=re.M)) != 1:
                tell(path, 1, "a Markdown file has one title")
        if path.suffix in (".wasm", ".cwasm", ".a", ".so", ".o"):
            tell(path, 1, "a binary in the tree")
    if len(sys.argv) == 3 and sys.argv[1] == "--headers":
        check_headers(sys.argv[2], [p for p in sources if p.suffix == ".hpp"] +
                      sorted(p for p in files if p.suffix == ".hpp" and ROOT / "include" in p.parents))
    for problem in problems:
        print(problem)
    print(f"structure: {len(sources)} files, {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
