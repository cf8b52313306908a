"""PERMANENT. Bytes to values and back: one changed output orphans what was issued."""
