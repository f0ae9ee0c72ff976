"""The real functions and the real runtime in a world that loses, doubles, delays, reorders and dies, by seed."""
