"""Cases of the released vectors, computed without a line of `registry`: see tests/vectors."""
