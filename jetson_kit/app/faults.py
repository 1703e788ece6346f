"""What is wrong in a jetson.toml: every fault, each with its line, its key and what to write."""

from __future__ import annotations

import difflib
import json
import math
import re
from collections.abc import Iterator, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from jetson_kit.app import service_faults
from jetson_kit.core.paths import SCHEMAS
from jetson_kit.core.text import SHOWN_MOST, printable, shortened, shown

if TYPE_CHECKING:
    from jsonschema import ValidationError

SCHEMA = SCHEMAS / "app.schema.json"
MOST = 20
SECRET = re.compile(r"//(?!USER@)[^\s\"]*@")
"""A user and a password in an address."""
SECRETS = re.compile(
    r"(?:^|_)(?:PASSWORD|PASSWD|PASSPHRASE|SECRET|TOKEN|APIKEY|CREDENTIALS?"
    r"|(?:API|ACCESS|PRIVATE|SECRET|ENCRYPTION|SIGNING)_KEY)$",
    re.IGNORECASE,
)
"""Names of variables whose values are secrets."""
PLACES = (
    r"\$+\{(?:[^{}]|\{[^{}]*\})*\}", r"\$+(?:env:)?\w+",
    r"\$\((?:[^()]|\([^()]*\)){0,200}\)",  # a shell's
    r"\{(?:[^{}]|\{[^{}]*\})*\}", r"%(?:\(\w+\))?[sdr]",  # a program's
    r"<[^<>]*>",  # a person's
)  # fmt: skip
PLACE = f"(?:{'|'.join(PLACES)})"
"""A place that somebody fills."""
PORT_OR_PLACE = rf"(?!{PLACE}+@|\d*[?#])"
"""Keeps a pattern from a port, and from a password that is nothing but such places."""
WITH_PASSWORD = re.compile(
    rf"://(?:\$\{{[^}}\s]*\}}|(?!\$\{{)[^/\s:@?#])*:{PORT_OR_PLACE}[^/\s@]+@"
)
SECRETS_FILE = re.compile(r"(?:file://)?(?:/[\w.@-]+){2,}")
"""The path of a file that has a secret."""
TO_THE_BOARD = (
    "which all who have the image could read, give it to the board's container: "
    "service_environment, encrypted by ansible-vault"
)
TABLE = re.compile(r"^\s*\[+\s*([^\[\],]+?)\s*(?:\]+\s*(?:#.*)?)?$")


def of(body: dict[str, Any] | None, text: str, others: Sequence[tuple[int, str]] = ()) -> list[str]:
    """Return the faults of a document, one clause each, in the order of their lines.

    `others` are those that are known of it, each with its line.
    """
    import jsonschema  # noqa: PLC0415 # slow, and most commands read no such file

    whole = {"pattern": _pattern, "minimum": _minimum}
    # Its stubs leave extend without types.
    kind = jsonschema.validators.extend(jsonschema.Draft202012Validator, whole)  # type: ignore[no-untyped-call]
    validator = kind(_schema())
    rows = [(line, f"line {line}: {what}" if line else what) for line, what in others]
    for error in validator.iter_errors(body or {}):
        for path, what in _clauses(error):
            line = _line(text, path)
            where = f"line {line}: " if line else ""
            rows.append((line or 0, f"{where}{what}"))
    for path, what in (*service_faults.of((body or {}).get("service")), *_secrets(body or {})):
        line = _line(text, path)
        where = f"line {line}: " if line else ""
        rows.append((line or 0, f"{where}{_dotted(path)} {what}"))
    rows = [(line, SECRET.sub("//***@", what)) for line, what in rows]
    more = f"and {len(rows) - MOST} more" if len(rows) > MOST else ""
    return [*dict.fromkeys(row for _, row in sorted(rows)[:MOST]), *filter(None, [more])]


def _secrets(body: dict[str, Any]) -> Iterator[tuple[list[str], str]]:
    """Yield the variables of the image that look like secrets, and what to do."""
    rows = body.get("environment")
    for name, value in rows.items() if isinstance(rows, dict) else ():
        file = isinstance(value, str) and SECRETS_FILE.fullmatch(value)
        if SECRETS.search(name) and not file:
            yield ["environment", name], f"looks like a secret, {TO_THE_BOARD}"
        elif isinstance(value, str) and WITH_PASSWORD.search(value):
            yield ["environment", name], f"is an address with a password, {TO_THE_BOARD}"
    health = body.get("health")
    own = health.get("command") if isinstance(health, dict) else None
    for path, command in ((["command"], body.get("command")), (["health", "command"], own)):
        for number, word in enumerate(command if isinstance(command, list) else ()):
            if isinstance(word, str) and WITH_PASSWORD.search(word):
                place = [*path, str(number)]
                yield place, f"is an address with a password, {TO_THE_BOARD}"


def _pattern(_: object, pattern: str, instance: object, __: object) -> Iterator[ValidationError]:
    """Yield a fault of a text that a pattern does not match whole.

    Every pattern of the schema has ^ and $; Python's $ alone also stands before a last newline.
    """
    from jsonschema import ValidationError  # noqa: PLC0415 # slow, as above

    if isinstance(instance, str) and not re.fullmatch(pattern, instance):
        yield ValidationError(f"{instance!r} does not match {pattern!r}")


def _minimum(_: object, least: float, instance: object, __: object) -> Iterator[ValidationError]:
    """Yield a fault of a number below the least one, and of TOML's nan, which is below none."""
    from jsonschema import ValidationError  # noqa: PLC0415 # slow, as above

    number = isinstance(instance, (int, float)) and not isinstance(instance, bool)
    if number and not instance >= least:  # type: ignore[operator] # it is a number
        yield ValidationError(f"{instance} is less than the minimum of {least}")


def _clauses(error: ValidationError) -> Iterator[tuple[list[str], str]]:
    """Yield the keys that lead to a fault, and what it is."""
    path = [str(part) for part in error.absolute_path]
    schema: Any = error.schema
    instance: Any = error.instance
    if error.validator == "additionalProperties" and isinstance(error.validator_value, bool):
        known = sorted(schema["properties"])
        for key in sorted(set(instance) - set(known)):
            yield [*path, key], f"{_dotted([*path, key])} {_misplaced(path, key, known)}"
        return
    write = _described(error) or schema.get("description", "")
    name = _dotted(path)
    if isinstance(instance, float) and math.isnan(instance):
        yield path, f"{name} is no number, write {write}"
        return
    if error.validator == "pattern" and "propertyNames" in error.absolute_schema_path:
        name, path = _dotted([*path, str(error.instance)]), [*path, str(error.instance)]
        yield path, f"{name} is no name of a variable, write {write}"
        return
    yield path, f"{name} is {_shown(instance)}, write {write or error.message}"


def _misplaced(path: Sequence[str], key: str, known: Sequence[str]) -> str:
    """Return what to do about a key that is unknown where it stands: where it would be known."""
    tables = [place for place, keys in _tables().items() if key in keys and place != ".".join(path)]
    if tables:
        places = [f"under [{place}]" if place else "at the top, before any [table]"
                  for place in tables]  # fmt: skip
        here = f"[{'.'.join(path)}]" if path else "the top of jetson.toml"
        return f"is no key of {here}, write it {' or '.join(places)}"
    near = difflib.get_close_matches(key, known, 1)
    meant = f"did you mean {near[0]}?" if near else f"known are {', '.join(known)}"
    return f"is no key of jetson.toml, {meant}"


@cache
def _tables() -> dict[str, frozenset[str]]:
    """Return the keys of each table of jetson.toml by its name; "" is the top."""
    top = _schema()["properties"]
    result = {"": frozenset(top)}
    for name, row in top.items():
        if keys := row.get("properties"):
            result[name] = frozenset(keys)
    return result


def _described(error: ValidationError) -> str:
    """Return what the schema says of the key itself, where its form is one that others share."""
    node: Any = _schema()
    for part in error.absolute_schema_path:
        if part not in node:
            return str(node.get("description", "")) if "$ref" in node else ""
        node = node[part]
    return ""


def _shown(value: Any) -> str:  # noqa: ANN401 # any value of TOML
    if isinstance(value, str):
        return shown(value)
    return shortened(printable(json.dumps(value, default=str)), SHOWN_MOST)


def _dotted(path: Sequence[str]) -> str:
    """Return keys as a person writes them: service.devices[0]."""
    text = ""
    for part in path:
        text += f"[{part}]" if part.isdigit() and text else f".{part}" if text else part
    return text


def _line(text: str, path: Sequence[str]) -> int | None:
    """Return the line of a key; None where it is written in a form that this does not follow."""
    keys = [part for part in path if not part.isdigit()]
    table: list[str] = []
    for number, line in enumerate(text.split("\n"), 1):
        if match := TABLE.match(line):
            table = [part.strip(" \"'") for part in match[1].split(".")]
            if table == keys:
                return number
            continue
        name = line.partition("=")[0].strip()
        if "=" in line and [*table, *(part.strip(" \"'") for part in name.split("."))] == keys:
            return number
    return _line(text, keys[:-1]) if len(keys) > 1 else None


@cache
def _schema() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(SCHEMA.read_text(encoding="utf-8"))
    return loaded
