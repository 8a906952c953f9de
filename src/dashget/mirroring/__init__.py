"""Mirror one presentation: bring every planned file to its outcome.

The road of a file: ``jobs`` takes it from the plan and makes a job for the engine, unless it is
complete already; ``arrivals`` takes its bytes into the store and checks them; ``outcomes``
names and records it, has it fetched again, or reports a failure; ``ledger`` counts the outcome
and tells the observer. ``run`` puts these together, one round after the other.

``expectation`` works out what a mirror should hold, ``keep`` stores the manifest,
``times`` compares decode times with the manifest's, for ``verify`` as well: ``clocks`` looks at
each file that comes, ``misplaced`` at those that are off, ``lateness`` decides about them at the
end, ``undescribed`` finds media that nothing describes.
``comparison`` compares a record with the server, ``proving`` finds out the same where that leaves
it open, ``options`` has the user's choices.

Words: a *round* is one call of the engine; files that are worth another try are fetched in the
next round. A file is *rejected* if its bytes are not what they should be, *refused* if its
place does not accept them, *pending* while its place has not answered.
"""
