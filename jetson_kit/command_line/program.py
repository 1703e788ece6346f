"""The program behind ./inv: Invoke's parser and lists, our errors, exit codes and signals."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from invoke.collection import Collection
from invoke.config import Config
from invoke.exceptions import Exit, ParseError
from invoke.parser.argument import Argument
from invoke.program import Program

from jetson_kit import __version__
from jetson_kit.command_line import completion, ending, signals, streams, unparsed
from jetson_kit.core import log, machine
from jetson_kit.core.errors import BadInputError, KitError

# What of Invoke's own options has a meaning here: no task runs shell commands through Invoke.
CORE = ("complete", "help", "list", "list-depth", "list-format", "print-completion-script",
        "version")  # fmt: skip
OF_ALL_TASKS = {
    ("quiet", "q"): "Only results, warnings and errors. May also follow a task's own words.",
    ("verbose", "v"): "Also each program that is started, with times. May follow them too.",
}
HELP = ("--help", "-h")
FORMATS = ("flat", "nested", "json")
NAGIOS_UNKNOWN = 3
# int() takes only so many, and no terminal is wider.
WIDTH_DIGITS = 5


class NoFiles(Config):
    """Invoke's configuration without files and environment variables: what works, works for all."""

    def load_base_conf_files(self) -> None:
        """Read nothing."""

    def load_shell_env(self) -> None:
        """Read nothing."""


class Front(Program):
    """`./inv`; what can't be parsed is a BadInputError."""

    def core_args(self) -> list[Argument]:
        """Return those of Invoke's own options that mean something here, and ours of all tasks."""
        own = [
            Argument(names=names, kind=bool, default=False, help=text)
            for names, text in OF_ALL_TASKS.items()
        ]
        return [*(argument for argument in super().core_args() if argument.names[0] in CORE), *own]

    def parse_core(self, argv: list[str] | None) -> None:
        """Read the options before the task."""
        self.normalize_argv(argv)
        try:
            self.parse_core_args()
        except ValueError as error:
            raise BadInputError(f"--list-depth: {error}", "give a number") from error
        if self.args.version.value:
            self.print_version()
            raise Exit
        shell = self.args["print-completion-script"].value
        if shell:
            _one_of("--print-completion-script", shell, list(completion.SCRIPTS))
            print(completion.SCRIPTS[shell])
            raise Exit

    def parse_cleanup(self) -> None:
        """Do what ends before any task: help, lists, completion."""
        _one_of("--list-format", self.args["list-format"].value, FORMATS)
        if not self.args.complete.value:
            return super().parse_cleanup()
        contexts = {str(item.name): item for item in self.parser.contexts.values()}
        options = {name: context.flag_names() for name, context in contexts.items()}
        typed = str(self.core.remainder).partition(" ")[2]
        core = self.initial_context.flag_names()
        print("\n".join(completion.offered(typed, sorted(options), options, core)))
        raise Exit

    def update_config(self, merge: bool = True) -> None:
        """Take no option of the command line into Invoke's configuration."""
        if merge:
            self.config.merge()

    def task_list_opener(self, extra: str = "") -> str:
        """Return the line above the list of tasks."""
        del extra
        return f"Available {self.list_root} tasks" if self.list_root else "Available tasks"

    def run_all(self, argv: Sequence[str]) -> None:
        """Parse the command line and run its tasks. Raises whatever they raise."""
        try:
            self.create_config()
            self.parse_core(_early(argv, self.namespace or Collection()))
            self.parse_collection()
            self.parse_tasks()
            self.parse_cleanup()
        except ParseError as error:
            known = getattr(self, "collection", None)  # not before the tasks were read
            tasks = list(known.task_names) if known else []
            raise unparsed.refusal(error, list(argv), tasks) from error
        except Exit as error:
            if error.message:
                raise BadInputError(error.message, unparsed.LISTS) from error
            return
        if self.args.verbose.value and self.args.quiet.value:
            raise BadInputError("--verbose and --quiet exclude each other", "give one of them")
        log.set_up(verbose=self.args.verbose.value, quiet=self.args.quiet.value)
        self.update_config()
        self.execute()


def _early(argv: Sequence[str], tasks: Collection) -> list[str]:
    """Return a command line with what is of all tasks before the task, where Invoke reads it.

    Behind a task Invoke would take --help and the others for a positional word that is still to
    come. A short one that the task has itself is the task's.
    """
    end = argv.index("--") if "--" in argv else len(argv)
    arguments = list(argv[1:end])
    names = {name for known, others in tasks.task_names.items() for name in (known, *others)}
    place = next((number for number, word in enumerate(arguments) if word in names), len(arguments))
    own: set[str] = set()
    if place < len(arguments):
        own = {
            name for argument in tasks[arguments[place]].get_arguments() for name in argument.names
        }
        if any(word in HELP for word in arguments[place + 1 :]):
            return [argv[0], *arguments[:place], HELP[0], arguments[place]]
    ours = {f"{'-' * min(len(name), 2)}{name}" for both in OF_ALL_TASKS for name in both
            if name not in own}  # fmt: skip
    first = [word for word in arguments[place + 1 :] if word in ours]
    rest = [word for word in arguments[place + 1 :] if word not in ours]
    return [argv[0], *arguments[:place], *first, *arguments[place : place + 1], *rest, *argv[end:]]


def _one_of(flag: str, word: str, known: Sequence[str]) -> None:
    if word not in known:
        raise BadInputError(f"{flag} {word} is none of {', '.join(known)}", "give one of them")


def main(tasks: Collection, argv: Sequence[str] | None = None) -> NoReturn:
    """Run a command line (by default this process's) and end with its exit code."""
    arguments = list(sys.argv if argv is None else argv)
    code = 0
    try:
        signals.install()
        _prepare()
        code = _run(tasks, arguments)
        signals.over()
    except KeyboardInterrupt as late:  # before or after the run; nothing has been said of it yet
        signals.over()
        code = ending.end(late)
    if signals.came():
        signals.end_children()
    sys.exit(code)


def _prepare() -> None:
    """Have the standard streams take any name of a file, tables a width, and programs be found."""
    machine.find_system_programs()
    streams.prepare()
    width = os.environ.get("COLUMNS", "1")
    if not width.isdecimal() or len(width) > WIDTH_DIGITS or not int(width):
        del os.environ["COLUMNS"]  # a table of no width has no words


def _run(tasks: Collection, argv: list[str]) -> int:
    """Run a command line; return its exit code, after one line on what went wrong."""
    front = Front(namespace=tasks, name="mediapipe-jetson-kit", version=__version__, binary="./inv",
                  binary_names=["inv"], config_class=NoFiles)  # fmt: skip
    try:
        front.run_all(argv)
        sys.stdout.flush()
    except SystemExit as stop:
        return _code(stop)
    except BaseException as error:  # whatever it is, it ends in one line and a code of the table
        signals.over()
        if "--nagios" in argv and isinstance(error, KitError):
            print(f"MEDIAPIPE UNKNOWN - {error.line()}")
            return NAGIOS_UNKNOWN
        return ending.end(error)
    return 0


def _code(stop: SystemExit) -> int:
    return stop.code if isinstance(stop.code, int) else int(stop.code is not None)
