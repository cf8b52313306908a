"""Set-up, exports, and the state of the service for those who run it."""
