"""Fuzzing: whatever a stranger sends, only a ``DashGetError`` leaves, soon and in little memory.

``targets`` has one harness for each reader of foreign bytes, with its seeds and its mutator. The
same harnesses run in the suite (``test_targets``: Hypothesis, a short run of mutations, and all
inputs in ``found/`` again) and in long runs: ``python -m tests.fuzz TARGET --runs N``, or guided by
coverage with ``nox -s fuzz -- TARGET --runs N``. ``docs/fuzzing.md`` tells how, and what came out.

A harness takes bytes, and asserts more than that nothing breaks: a plan is the same twice, its paths
stay inside the mirror, a local MPD names nothing outside, what is written is read again.
"""
