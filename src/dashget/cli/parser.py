"""What every command line has in common: how it is read, and how its help page looks."""

from __future__ import annotations

import argparse
import functools
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, NoReturn

if TYPE_CHECKING:
    from _typeshed import SupportsWrite

    from dashget.errors import UsageError

WIDEST_PAGE: Final = 100
_NARROWEST_PAGE: Final = 40
_USUAL_WIDTH: Final = 80
_HELP_COLUMN: Final = 30
_REPEATED: Final = "given more than once"


class Parser(argparse.ArgumentParser):
    """Reads one command line of one command; everything unclear about it is a UsageError."""

    _operand: argparse.Action

    def __init__(
        self,
        name: str,
        *,
        purpose: str,
        epilogue: str,
        siblings: Mapping[str, Callable[[], Parser]] | None = None,
    ) -> None:
        """``siblings`` makes the parsers of all commands, for a word about them in a refusal."""
        super().__init__(
            prog=name,
            description=purpose,
            epilog=epilogue,
            formatter_class=functools.partial(_Page, width=_USUAL_WIDTH),
            add_help=False,
            allow_abbrev=False,
            exit_on_error=False,
        )
        self._siblings = siblings or {}
        self.register("action", None, _Once)
        self.register("action", "store_true", _Flag)

    def add_operand(
        self,
        name: str,
        *,
        metavar: str,
        help: str,  # noqa: A002
    ) -> argparse._ArgumentGroup:
        """Add what the command works on. That it is missing is noticed after all else.

        Returns the group for what belongs to it.
        """
        group = self.add_argument_group("Arguments")
        self._operand = group.add_argument(name, metavar=metavar, help=help)
        self._operand.required = False
        self.usage = f"{self.prog} [OPTIONS] {metavar}"
        return group

    def read(self, words: Sequence[str]) -> argparse.Namespace:
        """Read the words of a command line that stand behind the command."""
        try:
            arguments, rest = self.parse_known_args(words)
        except argparse.ArgumentError as error:
            raise self._refusal(self._explain(error, words)) from error
        self._refuse_unknown(rest)
        self._check_operand(arguments, [word for word in rest if word != "--"])
        return arguments

    def format_help(self) -> str:
        """Return the help page, as wide as the terminal but not too wide to read."""
        import shutil

        columns = shutil.get_terminal_size().columns
        width = min(max(columns, _NARROWEST_PAGE), WIDEST_PAGE)
        self.formatter_class = functools.partial(_Page, width=width)
        return super().format_help()

    def error(self, message: str) -> NoReturn:
        """Raise what ``argparse`` would print."""
        raise self._refusal(message)

    def _print_message(self, message: str, file: SupportsWrite[str] | None = None) -> None:
        """Write a page; ``argparse`` would keep quiet about a disk or pipe that takes none."""
        (file or sys.stdout).write(message)

    def _explain(self, error: argparse.ArgumentError, words: Sequence[str]) -> str:
        option = (error.argument_name or "").partition("/")[0]
        action = self._option_string_actions.get(option)
        if action is None or action.nargs != 0 or error.message == _REPEATED:
            return f"{option}: {error.message}"
        names = tuple(action.option_strings)
        given = [word for word in words if word not in names and word.startswith(names)]
        return ": ".join([option, "takes no value", *given[:1]])

    def _refuse_unknown(self, rest: Sequence[str]) -> None:
        for word in rest:
            option = word.partition("=")[0]
            if option not in (*self._option_string_actions, "-", "--") and option[:1] == "-":
                raise self._refusal(f"unknown option: {option}", self._similar(option))

    def _check_operand(self, arguments: argparse.Namespace, rest: Sequence[str]) -> None:
        name = self._operand.metavar
        given = getattr(arguments, self._operand.dest)
        if rest:
            raise self._refusal(f"more than one {name}: {' '.join(rest)}", self._ordered(given))
        if given is None:
            raise self._refusal(f"there is no {name}")

    def _refusal(self, message: str, hint: str | None = None) -> UsageError:
        from dashget.errors import UsageError

        return UsageError(message, hint=hint or f"see: {self.prog} --help")

    def _ordered(self, word: str) -> str:
        """Say how to write it; behind an option, the name of a command is taken for an operand."""
        if word.lower() in self._siblings:
            return f"a command comes before all options: dashget {word.lower()} [OPTIONS] ..."
        return f"quote what holds blanks; see: {self.prog} --help"

    def _similar(self, option: str) -> str | None:
        """Say which option may be meant, or which commands have this very one."""
        others = [
            f"dashget {name}"
            for name, make in self._siblings.items()
            if option in make()._option_string_actions
        ]
        if others:
            return f"it is an option of {' and '.join(others)}; see: {self.prog} --help"
        names = {name.lstrip("-"): name for name in self._option_string_actions}
        found = closest(option.lstrip("-").lower(), names)
        return found and f"did you mean {names[found]}? see: {self.prog} --help"


def closest(word: str, words: Iterable[str]) -> str | None:
    """Return the one of the words that was probably meant."""
    import difflib

    return next(iter(difflib.get_close_matches(word, words, n=1)), None)


def whole(text: str) -> int:
    """Read a whole number; which ones can be meant is for the library's options to say."""
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"not a whole number: {text!r}") from None


def number(text: str) -> float:
    """Read a number, with decimals or without."""
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"not a number: {text!r}") from None


class _Once(argparse.Action):
    """Store a value; a second one would contradict it. A parser reads only one command line."""

    _given = False

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: object,
        option_string: str | None = None,
    ) -> None:
        if self._given:
            raise argparse.ArgumentError(self, _REPEATED)
        self._given = True
        setattr(namespace, self.dest, self.const if self.nargs == 0 else values)


class _Flag(_Once):
    """Store True."""

    def __init__(self, option_strings: Sequence[str], dest: str, **kwargs: Any) -> None:
        super().__init__(option_strings, dest, nargs=0, const=True, default=False, **kwargs)


class _Page(argparse.RawDescriptionHelpFormatter):
    """A help page: short names first, defaults behind the text."""

    def __init__(self, prog: str, width: int) -> None:
        super().__init__(prog, max_help_position=_HELP_COLUMN, width=width)

    def add_usage(
        self,
        usage: str | None,
        actions: Iterable[argparse.Action],
        groups: Iterable[argparse._MutuallyExclusiveGroup],
        prefix: str | None = None,
    ) -> None:
        super().add_usage(usage, actions, groups, prefix or "Usage: ")

    def _format_action_invocation(self, action: argparse.Action) -> str:
        names = sorted(action.option_strings, key=lambda name: name.startswith("--"))
        value = "" if action.nargs == 0 else str(self._format_args(action, action.dest.upper()))
        return f"{', '.join(names)} {value}".strip()

    def _get_help_string(self, action: argparse.Action) -> str:
        text = action.help or ""
        if action.default is None or action.default is False or not action.option_strings:
            return text
        return text if action.default is argparse.SUPPRESS else f"{text} [default: %(default)s]"
