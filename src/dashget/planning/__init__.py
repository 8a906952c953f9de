"""Which files a presentation means, and where each of them is stored in a mirror."""
