"""The rooms of the house, read from the code: who imports whom, and what each file is for.

``python tests/support/rooms.py`` writes the list of rooms in docs/architecture.md anew.
"""

from __future__ import annotations

import ast
import functools
import re
from collections import defaultdict
from pathlib import Path

from places import ROOT

PAGE = ROOT / "docs" / "architecture.md"
START, END = "<!-- rooms -->\n", "<!-- /rooms -->"
# In the order of the flow: what comes later may use what stands before it.
ORDER = (
    "audio", "calls", "transcripts", "language", "conduct", "measures", "examine", "judge",
    "results", "runs", "tables", "statistics", "rating", "fit", "report", "review", "web", "coach",
    "resynthesis", "words", "cli",
)  # fmt: skip
# Files that are named without more, by what stands in each of them.
ALIKE = {"One command each": '"""``prosody ', "A reader of one format each": "\nREADERS = ["}


def modules() -> dict[str, Path]:
    """Return every module of the package by its dotted name."""
    found = {}
    for folder, package in (("prosody", "prosody"), ("cli", "prosody.cli")):
        for path in sorted((ROOT / folder).rglob("*.py")):
            parts = path.relative_to(ROOT / folder).with_suffix("").parts
            found[".".join([package, *parts]).removesuffix(".__init__")] = path
    return found


@functools.cache
def imports() -> dict[str, set[str]]:
    """Return what each module imports of the package, inside functions too; not for types only."""
    known = modules()
    graph: dict[str, set[str]] = {}
    for name, path in known.items():
        tree = ast.parse(path.read_text(encoding="utf-8"))
        typing = {
            id(node)
            for block in ast.walk(tree)
            if isinstance(block, ast.If) and "TYPE_CHECKING" in ast.unparse(block.test)
            for node in ast.walk(block)
        }
        graph[name] = set()
        for node in ast.walk(tree):
            if id(node) in typing:
                continue
            if isinstance(node, ast.ImportFrom) and node.module and not node.level:
                for alias in node.names:
                    whole = f"{node.module}.{alias.name}"
                    graph[name].add(whole if whole in known else node.module)
            elif isinstance(node, ast.Import):
                graph[name] |= {alias.name for alias in node.names}
        graph[name] = {n for n in graph[name] if n in known and n != name}
    return graph


def room_of(module: str) -> str:
    """Return the room a module stands in; '' for those at the top."""
    parts = module.split(".")
    if (len(parts) > 1 and (ROOT / "prosody" / parts[1]).is_dir()) or parts[1:2] == ["cli"]:
        return parts[1]
    return ""


def between_rooms(graph: dict[str, set[str]]) -> dict[str, set[str]]:
    """Return which rooms each room imports."""
    out: dict[str, set[str]] = defaultdict(set)
    for name, others in graph.items():
        out[room_of(name)] |= {room_of(o) for o in others} - {room_of(name), ""}
    out.pop("", None)
    return dict(out)


def circles(graph: dict[str, set[str]]) -> set[str]:
    """Return the nodes that lie on a circle or between two."""
    left = {name: set(others) for name, others in graph.items()}
    while True:
        used = set().union(*left.values()) if left else set()
        gone = {n for n in left if not left[n] & set(left) or n not in used}
        if not gone:
            return set(left)
        left = {n: others - gone for n, others in left.items() if n not in gone}


def first_sentence(path: Path) -> str:
    """Return the first line of a module's docstring."""
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return text.split("\n\n")[0].replace("\n", " ")


def topic(path: Path) -> str:
    """Return what a file is for: the head of its first sentence, where that says enough."""
    sentence = first_sentence(path).rstrip(".")
    head = re.split(": |; |, and ", sentence)[0]
    return head if len(head.split()) > 2 else sentence


def listing() -> str:
    """Return the list of rooms as Markdown: a list a room, a line a file."""
    by_room: dict[str, list[tuple[str, Path]]] = defaultdict(list)
    for name, path in modules().items():
        by_room[room_of(name)].append((name, path))
    lines: list[str] = []
    for room in ["", *ORDER]:
        files = by_room.pop(room, [])
        if not files:
            continue
        inits = [p for n, p in files if p.name == "__init__.py" and n.count(".") <= 1]
        title = f"`{room}/`" if room else "At the top"
        about = first_sentence(inits[0]) if inits and room else "What every room may use."
        lines += [f"### {title}", "", about, ""]
        alike = defaultdict(list)
        for _, path in files:
            if path.name == "__init__.py" and path in inits and room:
                continue
            kind = next((k for k, sign in ALIKE.items() if sign in path.read_text("utf-8")), None)
            if kind:
                alike[kind].append(f"`{path.name}`")
            else:
                lines.append(f"- `{path.name}`: {topic(path)}")
        for kind, names in alike.items():
            named = ", ".join(names) if room != "cli" else "every other file, by its name"
            lines.append(f"- {kind}: {named}")
        if room == "words":
            tables = {p.name.split(".")[0] for p in (ROOT / "prosody" / "words").glob("*.toml")}
            lines.append(f"- Subjects: {', '.join(f'`{name}`' for name in sorted(tables))}")
        lines.append("")
    assert not by_room, f"rooms without a place in ORDER: {sorted(by_room)}"
    return "\n".join(lines)


def write() -> None:
    """Write the list into the page."""
    text = PAGE.read_text(encoding="utf-8")
    head, rest = text.split(START)
    PAGE.write_text(head + START + listing() + END + rest.split(END)[1], encoding="utf-8")


if __name__ == "__main__":
    write()
