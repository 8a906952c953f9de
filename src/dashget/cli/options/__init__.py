"""Options that several commands share, and their translation into the library's types.

``shared`` has the URL, filters and times, ``network`` the options about requests; ``requests``
makes ``TransferOptions`` of those.
"""
