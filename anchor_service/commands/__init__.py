"""What the issuer's commands do, one module a family; the command line's edge of the service."""
