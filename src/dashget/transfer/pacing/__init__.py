"""How many transfers run at once, and how fast: limits that adapt to the network.

Road: ``Concurrency`` sets the number in flight (the user's, or one found by measuring), within
the ``Allowance`` of file descriptors. ``Shares`` divides it among the loops and limits the
requests to a host, with a ``Forecast`` of redirects. ``Pace`` knows how large and fast finished
transfers are, and ``Load`` how busy the loop is: both decide when a second loop takes part. A
``Pacer`` keeps all of them under the user's rate.

Nothing here knows tasks, slots or libcurl; all but the pacer is called with the run's lock held.
"""
