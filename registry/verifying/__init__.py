"""The thin shell about the verifier: files, policies, and what issuers publish."""
