"""JUnit's XML, as CI servers show it: the host side's one writer and reader of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from xml.etree.ElementTree import ParseError

from junitparser import Failure, JUnitXml, JUnitXmlError, Skipped, TestCase, TestSuite


@dataclass(frozen=True)
class Case:
    """A test; passed unless it has a reason of failure or of being skipped."""

    name: str
    failure: str = ""
    skipped: str = ""


@dataclass(frozen=True)
class Suite:
    """Tests under one name; `timestamp` is when they began, in ISO 8601."""

    name: str
    cases: tuple[Case, ...]
    classname: str
    seconds: float = 0.0
    timestamp: str = ""

    def xml(self) -> str:
        """Return the element <testsuite>."""
        suite = TestSuite(_printable(self.name))
        suite.add_testcases([self._case(case) for case in self.cases])
        suite.time = self.seconds
        if self.timestamp:
            suite.timestamp = self.timestamp
        return str(suite.tostring().decode())

    def _case(self, case: Case) -> TestCase:
        row = TestCase(_printable(case.name), _printable(self.classname))
        if case.failure:
            row.result = Failure(_printable(case.failure))
        elif case.skipped:
            row.result = Skipped(_printable(case.skipped))
        return row


def document(suites: Iterable[str], name: str = "") -> str:
    """Return a whole file: elements <testsuite> under one root."""
    top = JUnitXml(name or None)
    for suite in suites:
        top.append(TestSuite.fromstring(suite))
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{top.tostring().decode()}\n'


def read_suite(path: Path) -> tuple[str, list[Case]]:
    """Return the first suite of a file, as XML and as cases; an error counts as a failure.

    Raises OSError, and ValueError where the file holds none.
    """
    try:
        suite = next(iter(JUnitXml.fromfile(str(path))), None)
    except (ParseError, JUnitXmlError) as error:
        raise ValueError(f"{path} is not JUnit's XML: {error}") from error
    if suite is None:
        raise ValueError(f"{path} has no suite")
    return suite.tostring().decode(), [_case(row) for row in suite]


def _case(row: TestCase) -> Case:
    name = str(row.name or "")
    for entry in row.result:
        if not isinstance(entry, Skipped):
            return Case(name, failure=str(entry.text or entry.message or "failed").strip())
    for entry in row.result:
        return Case(name, skipped=str(entry.message or "skipped"))
    return Case(name)


def _printable(text: str) -> str:
    """Return text without what XML 1.0 can't hold."""
    return "".join(item if item.isprintable() or item == "\n" else " " for item in text)
