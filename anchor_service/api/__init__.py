"""The HTTP API: requests in, answers and problem documents out. It holds no key of any kind."""
