"""Compares the fields of every type in the JSON Schemas, in TypeScript and in Python.

    compare_types.py SCHEMA-DIRECTORY TYPES.d.ts TYPES.py

The generators are other people's: a field that one of them loses without a word is found here. For
findings the kinds themselves are compared too, so that narrowing by `kind` works in all languages.
"""

import dataclasses
import importlib.util
import json
import keyword
import re
import sys
import typing
from pathlib import Path
from types import ModuleType
from typing import Any

Schema = dict[str, Any]
Fields = dict[str, frozenset[str]]


def main(schemas: Path, typescript: Path, python: Path) -> None:
    documents = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(schemas.glob("*.json"))]
    expected: Fields = {}
    kinds: dict[str, str] = {}
    for document in documents:
        for schema in [document, *document.get("$defs", {}).values()]:
            for variant in [schema, *schema.get("oneOf", [])]:
                if "properties" in variant and "title" in variant:
                    collect(expected, variant)
                    if schema.get("title") == "Finding":
                        kinds[variant["title"]] = variant["properties"]["kind"]["const"]
    if not kinds:
        sys.exit("compare_types: no kind of finding in the schemas")
    found = {
        "TypeScript": typescript_types(typescript),
        "Python": python_types(python, kinds),
    }
    mistakes = []
    for language, (fields, tags) in found.items():
        for name, names in expected.items():
            if name not in fields:
                mistakes.append(f"{language} has no type {name}")
            elif fields[name] != names:
                lost = ", ".join(sorted(names - fields[name])) or "nothing"
                extra = ", ".join(sorted(fields[name] - names)) or "nothing"
                mistakes.append(f"{language}: {name} lost {lost} and gained {extra}")
        for name, kind in kinds.items():
            if tags.get(name) != kind:
                mistakes.append(f"{language}: kind of {name} is {tags.get(name)}, not {kind}")
    if mistakes:
        sys.exit("\n".join(["compare_types: the types of the languages differ", *mistakes]))
    total = sum(len(names) for names in expected.values())
    print(f"{len(expected)} types, {len(kinds)} of them kinds of finding, with {total} fields: the same everywhere")


def collect(expected: Fields, schema: Schema) -> None:
    names = frozenset(schema["properties"])
    if expected.setdefault(schema["title"], names) != names:
        sys.exit(f"compare_types: two different types are called {schema['title']}")


def typescript_types(path: Path) -> tuple[Fields, dict[str, str]]:
    """Interfaces as json2ts writes them: fields are indented by two spaces, nested ones by more."""
    text = path.read_text(encoding="utf-8")
    fields = {}
    tags = {}
    for name, body in re.findall(r"^export interface (\w+) \{\n(.*?)^\}", text, re.MULTILINE | re.DOTALL):
        fields[name] = frozenset(re.findall(r"^  (\w+)\??:", body, re.MULTILINE))
        if tag := re.search(r"^  kind: '(\w+)'$", body, re.MULTILINE):
            tags[name] = tag[1]
    return fields, tags


def python_types(path: Path, kinds: dict[str, str]) -> tuple[Fields, dict[str, str]]:
    module = load(path)
    classes = {name: value for name, value in vars(module).items() if dataclasses.is_dataclass(value)}
    fields = {
        name: frozenset(plain(field.name) for field in dataclasses.fields(value))
        for name, value in classes.items()
    }
    tags = {}
    for name in kinds.keys() & classes.keys():
        literal = typing.get_args(typing.get_type_hints(classes[name]).get("kind"))
        tags[name] = literal[0] if len(literal) == 1 else str(literal)
    return fields, tags


def load(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("drcore_generated_types", path)
    if spec is None or spec.loader is None:
        sys.exit(f"compare_types: cannot load {path}")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def plain(name: str) -> str:
    """Python cannot call a field `class`."""
    stem = name.removesuffix("_")
    return stem if keyword.iskeyword(stem) else name


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    main(*map(Path, sys.argv[1:]))
