"""Parse the command line of one command, and format its help page.

An option that is given more than once has its last value, so that an alias or a script can set
defaults; options such as ``--header`` collect all their values.
"""

from __future__ import annotations

import argparse
import functools
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Final, NoReturn

if TYPE_CHECKING:
    from _typeshed import SupportsWrite

    from dashget.errors import UsageError

argparse._ = str  # type: ignore[attr-defined]
"""argparse looks for translations of its words, which loads ``locale``; DashGet speaks English."""
WIDEST_PAGE: Final = 100
_NARROWEST_PAGE: Final = 40
_USUAL_WIDTH: Final = 80
_HELP_COLUMN: Final = 30
_SIMILAR: Final = 0.82
"""The least similarity of an option that is suggested for a mistyped one, from 0 to 1.

Below it other words come up: ``--next`` is not ``--text``, ``--accept`` not ``--accept-odd``."""
_NAMES_OF_FILES: Final = ("FILE", "DIR")
"""The placeholders of values that name files."""
_DANGEROUS: Final = frozenset({"--prune", "--moved", "--insecure"})
"""Options that are suggested only for almost the same word: they remove, or trust more."""
_ALMOST_THE_SAME: Final = 0.88


class Parser(argparse.ArgumentParser):
    """Parses the command line of one command; raises UsageError for anything invalid."""

    _operand: argparse.Action | None = None
    _several = False
    _signed: tuple[str, ...] = ()

    def __init__(
        self,
        name: str,
        *,
        purpose: str,
        epilogue: str,
        siblings: Mapping[str, Callable[[], Parser]] | None = None,
    ) -> None:
        """``siblings`` makes the parsers of all commands; errors name the one that was meant."""
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

    def add_operand(
        self,
        name: str,
        *,
        metavar: str,
        help: str,  # noqa: A002
        several: bool = False,
    ) -> argparse._ArgumentGroup:
        """Add the operand, such as a URL; return its group, for options that belong to it.

        With ``several`` its value is the list of all that are given. A missing operand is
        reported only if the rest of the command line is valid.
        """
        group = self.add_argument_group("Arguments")
        self._operand = group.add_argument(name, metavar=metavar, help=help)
        # It is for the help page: argparse would take no operands behind a later option.
        self._actions.remove(self._operand)
        self._several = several
        self.usage = f"{self.prog} [OPTIONS] {metavar}{'...' if several else ''}"
        return group

    def take_signed(self, *options: str) -> None:
        """Let the values of options begin with a minus sign, as in ``--from -10m``."""
        self._signed += options

    def read(self, words: Sequence[str]) -> argparse.Namespace:
        """Parse the words that follow the command."""
        words = self._with_signed(words)
        if any(self._is_foreign(word) for word in words):
            from dashget.cli.othertools import translate

            words = translate(words, self._option_string_actions)
            self._refuse_one_hyphen(words)
        end = words.index("--") if "--" in words else len(words)
        try:
            arguments, rest = self.parse_known_args(words[:end])
        except argparse.ArgumentError as error:
            raise self._refusal(self._explain(error, words)) from error
        self._refuse_unknown(rest)
        self._take_operands(arguments, [*rest, *words[end + 1 :]])
        self._read_as_text(arguments)
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
        """Write a page; unlike in ``argparse``, an error of the disk or pipe is raised."""
        (file or sys.stdout).write(message)

    def _read_as_text(self, arguments: argparse.Namespace) -> None:
        """Read the values of options as UTF-8 if they are UTF-8, whatever the locale.

        Names of files are bytes to the system, and keep theirs. Operands may be such names.
        """
        if sys.getfilesystemencoding() == "utf-8":
            return
        from dashget.common.filenames import given, readable

        for action in self._actions:
            value = getattr(arguments, action.dest, None)
            read = given if action.metavar in _NAMES_OF_FILES else readable
            if isinstance(value, str):
                setattr(arguments, action.dest, read(value))
            elif isinstance(value, list):
                setattr(arguments, action.dest, [read(each) for each in value])

    def _explain(self, error: argparse.ArgumentError, words: Sequence[str]) -> str:
        option = (error.argument_name or "").partition("/")[0]
        action = self._option_string_actions.get(option)
        if action is None or action.nargs != 0:
            missing = error.message == "expected one argument"
            value = f" ({action.metavar})" if action is not None and action.metavar else ""
            return f"{option}: {f'missing value{value}' if missing else error.message}"
        names = tuple(action.option_strings)
        given = [word for word in words if word not in names and word.startswith(names)]
        return ": ".join([option, "takes no value", *given[:1]])

    def _with_signed(self, words: Sequence[str]) -> Sequence[str]:
        """Join options and values that argparse would take for options."""
        joined: list[str] = []
        for word in words:
            signed = word[:1] == "-" and word[1:2].isdigit()
            if joined and joined[-1] in self._signed and signed:
                joined[-1] = f"{joined[-1]}={word}"
            else:
                joined.append(word)
        return joined

    def _is_foreign(self, word: str) -> bool:
        return word[:1] == "-" and word.partition("=")[0] not in self._option_string_actions

    def _refuse_unknown(self, rest: Sequence[str]) -> None:
        for word in rest:
            option = word.partition("=")[0]
            if word != "-" and self._is_foreign(word):
                raise self._refusal(f"unknown option: {option}", self._similar(option))

    def _refuse_one_hyphen(self, words: Sequence[str]) -> None:
        """Raise UsageError for a long option with one hyphen.

        ``-key=VALUE`` would be ``-k -e y=VALUE``: no check of certificates, and a key as Referer.
        """
        from dashget.cli.instead import INSTEAD
        from dashget.cli.othertools import SAME

        for word in words[: words.index("--") if "--" in words else len(words)]:
            option = word.partition("=")[0]
            if option[:1] != "-" or option[1:2] == "-" or option[2:] == "" or option in INSTEAD:
                continue
            meant = f"-{option.lower().replace('_', '-')}"
            if meant in self._option_string_actions and meant != "--help":
                hint = f"did you mean {meant}? see: {self.prog} --help"
                raise self._refusal(f"unknown option: {option}", hint)
            if meant in SAME or meant in INSTEAD:
                raise self._refusal(f"unknown option: {option}", self._similar(meant))

    def _take_operands(self, arguments: argparse.Namespace, given: list[str]) -> None:
        if self._operand is None:
            if given:
                raise self._refusal(f"unexpected argument: {' '.join(given)}")
            return
        name = self._operand.metavar
        if given[1:] and (not self._several or self._is_command(given[0])):
            more = " ".join(given[1:])
            raise self._refusal(f"more than one {name}: {more}", self._ordered(given[0]))
        if not given:
            raise self._refusal(f"missing {name}")
        setattr(arguments, self._operand.dest, given if self._several else given[0])

    def _is_command(self, word: str) -> bool:
        """Return True for the name of a command that is not the name of a file as well."""
        from pathlib import Path

        return word.lower() in self._siblings and not Path(word).exists()

    def _refusal(self, message: str, hint: str | None = None) -> UsageError:
        from dashget.errors import UsageError

        return UsageError(message, hint=hint or f"see: {self.prog} --help")

    def _ordered(self, word: str) -> str:
        """Return the hint for surplus operands, one of which may be the name of a command."""
        if word.lower() in self._siblings:
            return f"a command comes before all options: dashget {word.lower()} [OPTIONS] ..."
        return f"quote a value that contains spaces; see: {self.prog} --help"

    def _similar(self, option: str) -> str | None:
        """Return a hint: what another tool's option is called here, or what resembles it."""
        from dashget.cli.instead import INSTEAD, answer_for
        from dashget.cli.othertools import SAME

        others = [
            f"dashget {name}"
            for name, make in self._siblings.items()
            if option in make()._option_string_actions
        ]
        if others:
            named = " and ".join((*([", ".join(others[:-1])] if others[1:] else ()), others[-1]))
            return f"it is an option of {named}; see: {self.prog} --help"
        answer = answer_for(option, self._option_string_actions)
        if answer is not None:
            return answer
        if option in SAME:
            if SAME[option] in self._option_string_actions:
                return f"it is called {SAME[option]}; see: {self.prog} --help"
            return f"it is called {SAME[option]}, which {self.prog} does not have"
        if option[:1] == "-" and len(option) == 2:
            # Letters are no slips of each other: -K is no -k.
            return None
        names = {name.lstrip("-"): name for name in self._option_string_actions}
        word = option.lstrip("-").lower()
        found = closest(word, names, cutoff=_SIMILAR)
        if found is None:
            found = next((name for name in names if sorted(name) == sorted(word)), None)
        if found is not None and names[found] in _DANGEROUS:
            found = closest(word, [found], cutoff=_ALMOST_THE_SAME)
        if found is None:
            return INSTEAD.get(option[:2])
        return f"did you mean {names[found]}? see: {self.prog} --help"


def closest(word: str, words: Iterable[str], *, cutoff: float = 0.6) -> str | None:
    """Return the most similar of the words, None if none is similar."""
    import difflib

    return next(iter(difflib.get_close_matches(word, words, n=1, cutoff=cutoff)), None)


def whole(text: str) -> int:
    """Parse a whole number; the library's options check its limits."""
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"not a whole number: {text!r}") from None


def number(text: str) -> float:
    """Parse a number, with or without decimals."""
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"not a number: {text!r}") from None


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
        default = action.default
        is_none = default is None or default is False or default in ([], argparse.SUPPRESS)
        return text if is_none or not action.option_strings else f"{text} [default: %(default)s]"
