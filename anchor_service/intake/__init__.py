"""The drop folder."""
