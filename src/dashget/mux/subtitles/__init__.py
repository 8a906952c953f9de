"""Subtitles as cues: read from what DASH carries them in, written as what files hold.

The road: ``document`` recognizes the bytes and has ``webvtt`` or ``ttml`` read a whole file, or
``fragments`` find the samples of an MP4 segment, which ``wvtt`` or ``ttml`` read. ``cues`` joins
what was cut at the ends of samples and segments, and parts what overlaps. ``formats`` writes
SubRip, WebVTT and the samples of ``tx3g``; ``markup`` is between all of them.

A *cue* is a text with its time on the screen; its *payload* is written as in WebVTT, which has
room for what the others know. Times are exact. Everything here is pure and reads bytes of
strangers: ``SubtitleError`` says what cannot be read, ``limits`` bounds the work.
"""
