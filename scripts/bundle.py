"""Joins JSON Schemas into one document from which the type generators make good code.

    bundle.py SCHEMA... > BUNDLE

Each schema's root becomes a definition under its title, and `Documents` lists them by file name.
A variant of a union that has a title becomes a definition too, so that every kind of finding is an
interface or a class under its own name. Fields that a union shares (`oneOf` beside `properties`,
which is what serde's tag + flatten gives) are copied into every variant.
A list or map that is left out where it is empty says so: Python needs no `None` for it.
"""

import json
import sys
from pathlib import Path
from typing import Any

Schema = dict[str, Any]


def main(paths: list[str]) -> None:
    defs: dict[str, Schema] = {}
    documents: dict[str, Schema] = {}
    for path in map(Path, paths):
        root: Schema = json.loads(path.read_text(encoding="utf-8"))
        own = root.pop("$defs", {})
        root.pop("$schema", None)
        title = root.get("title")
        if not isinstance(title, str):
            sys.exit(f"bundle: {path} has no title to name its type after")
        if "$ref" not in root:  # A recursive root is a reference to one of its definitions.
            own[title] = root
        documents[path.name.split(".")[0]] = {"$ref": f"#/$defs/{title}"}
        for name, schema in own.items():
            add(defs, name, empty_defaults(named_references(schema)), path)
    for name in list(defs):
        spread_union(defs, name)
    bundle = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Documents",
        "description": "Every document that drcore reads or writes, by name.",
        "type": "object",
        "properties": documents,
        "required": list(documents),
        "$defs": dict(sorted(defs.items())),
    }
    json.dump(bundle, sys.stdout, indent=2)
    print()


def add(defs: dict[str, Schema], name: str, schema: Schema, origin: object) -> None:
    if defs.setdefault(name, schema) != schema:
        sys.exit(f"bundle: two different types are called {name}, one of them in {origin}")


def named_references(node: Any) -> Any:
    """`{$ref, description}` loses the type's name in TypeScript; `{allOf: [$ref]}` keeps both."""
    if isinstance(node, list):
        return [named_references(item) for item in node]
    if not isinstance(node, dict):
        return node
    node = {key: named_references(value) for key, value in node.items()}
    if "$ref" in node and "description" in node:
        node["allOf"] = [{"$ref": node.pop("$ref")}]
    return node


def empty_defaults(node: Any) -> Any:
    """A field that may be left out and is never null is left out where it is empty."""
    if isinstance(node, list):
        return [empty_defaults(item) for item in node]
    if not isinstance(node, dict):
        return node
    node = {key: empty_defaults(value) for key, value in node.items()}
    properties = node.get("properties")
    if isinstance(properties, dict):
        for field, schema in properties.items():
            if field in node.get("required", []) or not isinstance(schema, dict):
                continue
            if schema.get("type") == "array":
                schema.setdefault("default", [])
            elif schema.get("type") == "object" and "additionalProperties" in schema:
                schema.setdefault("default", {})
    return node


def spread_union(defs: dict[str, Schema], name: str) -> None:
    union = defs[name]
    if "oneOf" not in union:
        return
    shared = union.pop("properties", {})
    required = union.pop("required", [])
    if shared:
        union.pop("type", None)
    for position, variant in enumerate(union["oneOf"]):
        if "properties" not in variant:
            if shared:
                sys.exit(f"bundle: variant {position} of {name} is no object, and {name} has fields")
            continue
        title = variant.get("title")
        if not isinstance(title, str):
            sys.exit(f"bundle: variant {position} of {name} has no title")
        clash = shared.keys() & variant["properties"].keys()
        if clash:
            sys.exit(f"bundle: {title} repeats {', '.join(sorted(clash))} of {name}")
        variant["properties"] = {**shared, **variant["properties"]}
        variant["required"] = [*required, *variant.get("required", [])]
        add(defs, title, variant, name)
        union["oneOf"][position] = {"$ref": f"#/$defs/{title}"}


if __name__ == "__main__":
    main(sys.argv[1:])
