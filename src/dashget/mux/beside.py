"""Subtitles as files beside the one that is written: their names, and what is in them.

The names are those by which players find them: ``show.en.srt`` beside ``show.mp4``, and
``show.en.forced.srt`` or ``show.en.sdh.srt`` for such purposes.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from dashget.common.lateregex import late
from dashget.mux.options import Subtitles
from dashget.mux.subtitles.formats import subrip_file, webvtt_file
from dashget.mux.texts import TextTrack
from dashget.planning.languages import canonical

_TAG: Final = late(r"[a-z]{2,8}(?:-[a-z0-9]{1,8})*")
_UNKNOWN: Final = "und"
_PURPOSES: Final = (("forced", "forced"), ("hearing_impaired", "sdh"), ("comment", "commentary"))


def names_beside(target: Path, texts: Sequence[TextTrack], form: Subtitles) -> list[Path]:
    """Return the path of each track's file; those of the same words are numbered."""
    taken: dict[str, int] = {}
    paths = []
    for text in texts:
        words = ".".join([_tag(text.language), *_words(text)])
        taken[words] = number = taken.get(words, 0) + 1
        numbered = words if number == 1 else f"{words}.{number}"
        paths.append(target.with_name(f"{target.stem}.{numbered}.{form.suffix}"))
    return paths


def content_beside(text: TextTrack, form: Subtitles) -> str:
    """Return what the file of a track holds."""
    if form is Subtitles.WEBVTT:
        return webvtt_file(text.timed, text.styles)
    return subrip_file(text.timed)


def _tag(language: str | None) -> str:
    """Return a language for the name of a file: only a valid tag is safe there."""
    tag = canonical(language)
    return tag if _TAG.fullmatch(tag) and len(tag) <= 35 else _UNKNOWN


def _words(text: TextTrack) -> list[str]:
    return [word for purpose, word in _PURPOSES if purpose in text.label.purposes]
