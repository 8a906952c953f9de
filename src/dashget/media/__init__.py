"""The bytes of media files: ISO BMFF and WebM structure, and what a file looks like inside."""
