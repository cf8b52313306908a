"""What an issuer is woken for: one look after the other."""
