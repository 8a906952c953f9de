"""One run of the engine: from its first job to its last report.

Road of a job:

1. A ``Loop`` asks the ``Run`` for work. ``Run`` is the ``Board`` of the run (jobs, backlog, open
   tasks, limits, budget) with a lock: all decisions are functions of a board, a task and an
   exchange, called with the lock held.
2. The fast path (``fastpath``): a whole small file goes straight to a slot, and is delivered when
   libcurl has ended the request. Anything else becomes a ``Task`` (``Run.promote``).
3. A task has a *way* to get its bytes (``ways``): in one stream, in parallel ranges (``divided``,
   ``gaps``), or a look at the head. ``aim`` chooses URL and bytes of its next request, and makes
   an ``Exchange`` on a slot; or the task waits in the ``Backlog``.
4. The exchange takes in what arrives, and returns a ``Step`` wherever the run has to decide.
   ``verdict`` says how a request ended; ``consequences`` draws what follows: the next range, a
   redirect (``redirects``), success; after a failure (``failures``) another attempt (``retry``),
   bytes on disk that are compared or dropped (``resumption``), a start from zero, or the end.
5. When the last exchange of a task has ended, the board reports the task, or queues it again.

Words: the *phase* of a task is OPEN, RESTARTING (its exchanges end, then it begins from zero),
FAILED or DONE. An exchange is *dropped* when its bytes are not wanted any more, and *raced* when
another was sent after the same bytes because it is slow. A *claim* is the range of bytes that one
exchange brings of a divided resource. A *feed* is a job source that may wait.
"""
