"""The commands of the program, one module each.

A module has ``EXAMPLES`` for the help page, ``add_arguments`` for its options, and ``run``, which
does the work by the library and returns the exit code. The module of ``list`` is called
``listing``, because ``list`` would hide the builtin.
"""
