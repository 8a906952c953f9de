"""Choose among the Representations that pass the tests of a rule: ``best``, ``best1`` and the like.

``best`` keeps one Representation for each language and set of roles in each Period: of video the
one with most pixels, then the highest frame rate, then the highest bandwidth; of everything else
the highest bandwidth, then the most channels. ``best1`` keeps one of these: in the language that
the rule names first, with the role ``main`` and for no special purpose if there is such a one, in
later Periods of the language and roles that were taken before, and then of the highest quality.
``worst`` and ``worst1`` are the opposite end of quality. On a tie the first in the document is
taken. Trick-mode sets are considered only if no other set is left.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

import msgspec

from dashget.mpd.presentation import AdaptationSet, ContentType, Representation
from dashget.planning.rules import Choice, Pair, Rule, matches

_MAIN: Final = frozenset({"main"})
_SHOWN: Final = 20


class Group(msgspec.Struct, frozen=True):
    """What the Representations have in common of which ``best`` takes one."""

    lang: str
    roles: frozenset[str | None]
    purposes: frozenset[str | None]

    @classmethod
    def of(cls, representation: Representation, adaptation_set: AdaptationSet) -> Group:
        """Return the group of a Representation; ``eng`` and ``en`` are one language."""
        # Loaded late, as below: most runs take everything.
        from dashget.planning.languages import canonical

        return cls(
            canonical(representation.lang),
            frozenset(role.value for role in adaptation_set.roles) or _MAIN,
            frozenset(purpose.value for purpose in adaptation_set.accessibility),
        )

    def __str__(self) -> str:
        """Name the language, and what is special about it."""
        special = sorted(str(word) for word in (self.roles - _MAIN) | self.purposes)
        return f"{self.lang} ({', '.join(special)})" if special else self.lang


class Chooser:
    """Choose in one Period after the other; remembers the groups taken, for ``best1``.

    Representations for which ``is_kept`` is true go before others of their group.
    """

    def __init__(self, is_kept: Callable[[Representation], bool] = lambda _: False) -> None:
        self._is_kept = is_kept
        self._taken: dict[ContentType, list[Group]] = {}

    def choose(self, pairs: Iterable[Pair], rule: Rule) -> list[Representation]:
        """Return those of a Period's Representations of one content type that a rule takes."""
        if rule.choice is Choice.NONE:
            return []
        passing = [pair for pair in pairs if matches(*pair, rule)]
        if rule.choice is Choice.ALL:
            return [representation for representation, _ in passing]
        groups: dict[Group, list[Representation]] = {}
        for pair in [pair for pair in passing if not pair[1].trick_mode_for] or passing:
            groups.setdefault(Group.of(*pair), []).append(pair[0])
        pick = max if rule.choice in (Choice.BEST, Choice.BEST_ONE) else min
        if rule.choice in (Choice.BEST, Choice.WORST):
            return [pick(self._first(group), key=_quality) for group in groups.values()]
        return self._one(groups, rule, pick) if groups else []

    def _one(
        self,
        groups: dict[Group, list[Representation]],
        rule: Rule,
        pick: Callable[..., Representation],
    ) -> list[Representation]:
        """Return the one Representation of the groups that rank first."""
        kind = next(iter(groups.values()))[0].content_type
        taken = self._taken.setdefault(kind, [])
        ranks = {group: _rank(group, _languages(rule), taken) for group in groups}
        for group, (wanted, *rest) in ranks.items():
            ranks[group] = wanted, not any(map(self._is_kept, groups[group])), *rest
        first = [group for group in groups if ranks[group] == min(ranks.values())]
        found = self._first([each for group in first for each in groups[group]])
        chosen = pick(found, key=_quality)
        taken.append(next(group for group in first if chosen in groups[group]))
        return [chosen]

    def _first(self, group: Sequence[Representation]) -> Sequence[Representation]:
        """Return those of a group that are kept, if there are any; else all."""
        return [each for each in group if self._is_kept(each)] or group


def _languages(rule: Rule) -> tuple[str, ...]:
    tests = (test for test in rule.tests if test.name == "lang" and test.operator == "=")
    return next((test.values for test in tests), ())


def _rank(group: Group, languages: Sequence[str], taken: Sequence[Group]) -> tuple[Any, ...]:
    from dashget.planning.languages import in_range

    wanted = (at for at, lang in enumerate(languages) if in_range(group.lang, lang))
    return (
        next(wanted, len(languages)),
        taken.index(group) if group in taken else len(taken),
        "main" not in group.roles,
        bool(group.purposes),
    )


def _quality(representation: Representation) -> tuple[Any, ...]:
    bandwidth = representation.bandwidth or 0
    if representation.content_type is ContentType.VIDEO:
        pixels = (representation.width or 0) * (representation.height or 0)
        return pixels or (representation.height or 0), representation.frame_rate or 0, bandwidth
    return bandwidth, representation.channels or 0, representation.audio_sampling_rate or 0


def explain_choice(kind: str, rule: Rule, groups: Iterable[Group]) -> str | None:
    """Return a sentence about a rule that takes one of each group; None where that is one alone."""
    found = sorted({str(group) for group in groups})
    if rule.choice not in (Choice.BEST, Choice.WORST) or len(found) < 2:
        return None
    shown = ", ".join(found[:_SHOWN]) + ", ..." * (len(found) > _SHOWN)
    word = rule.choice.value
    return f"{kind} {word}: one for each language and role ({shown}); {word}1 takes only one"
