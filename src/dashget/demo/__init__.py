"""A presentation to try the program with, and a server for it: no network, no URL.

The road of ``dashget demo``: ``presentation.read_resources`` reads the files that come with the
package, ``server.serving`` serves them on the loopback interface while the command runs, the
library mirrors and verifies them as it would those of any server.

Words: a *resource* is one file of the built-in presentation, under the URL that it is served
with. These URLs stay the same from run to run, so that a second run continues the mirror of the
first, although the server listens on another port each time: requests reach it as a proxy.
"""
