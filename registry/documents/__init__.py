"""What an issuer says in documents: signatures, DID documents, Open Badges, status lists. Pure."""
